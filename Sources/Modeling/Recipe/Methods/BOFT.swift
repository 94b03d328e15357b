import Bookkeeping

/// A rotation of a layer's input as a product of sparse ones, and a scale of its result.
///
/// Source: Liu et al. 2023, <https://arxiv.org/abs/2311.06243>; peft/tuners/boft/layer.py.
///
/// One factor, as PEFT does without its CUDA extension.
public struct BOFT: ModuleWrapping, Hashable {
  public let blockSize: Int
  public let targets: LoRA.Targets

  public init(blockSize: Int = 4, targets: LoRA.Targets) throws(RecipeError) {
    guard (1...4096).contains(blockSize) else {
      throw .outOfRange("block-size", "\(blockSize)", "between 1 and 4096")
    }
    self.blockSize = blockSize
    self.targets = targets
  }

  public func blocks(of module: LinearModule) -> Int { module.input / blockSize }

  public func added(to module: LinearModule, of spec: ModelSpec) -> [AddedParameter] {
    [
      AddedParameter("boft_R", [1, blocks(of: module), blockSize, blockSize]),
      AddedParameter("boft_s", [module.output, 1]),
      // A permutation, written out as a matrix in a buffer that nothing casts.
      AddedParameter("boft_P", [1, module.input, module.input], trains: false, format: .fp32),
    ]
  }
}
