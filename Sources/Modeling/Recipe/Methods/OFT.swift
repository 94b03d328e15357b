import Bookkeeping

/// A block-diagonal rotation of a layer's input.
///
/// Source: Qiu et al. 2023, <https://arxiv.org/abs/2306.07280>;
/// peft/tuners/oft/layer.py.
public struct OFT: ModuleWrapping, Hashable {
  public let blockSize: Int
  public let targets: LoRA.Targets

  public init(blockSize: Int = 32, targets: LoRA.Targets) throws(RecipeError) {
    guard (2...4096).contains(blockSize) else {
      throw .outOfRange("block-size", "\(blockSize)", "between 2 and 4096")
    }
    self.blockSize = blockSize
    self.targets = targets
  }

  /// The size nearest to ``blockSize`` that divides a layer's input, the smaller of two equally near
  /// (`adjust_oft_parameters`).
  public func blockSize(of module: LinearModule) -> Int {
    if module.input.isMultiple(of: blockSize) { return blockSize }
    let lower = (1...min(blockSize, module.input)).last { module.input.isMultiple(of: $0) } ?? 1
    let higher = (blockSize...max(blockSize, module.input)).first { module.input.isMultiple(of: $0) } ?? module.input
    return blockSize - lower <= higher - blockSize ? lower : higher
  }

  public func blocks(of module: LinearModule) -> Int { module.input / blockSize(of: module) }

  /// The upper triangle of each block's generator.
  public func added(to module: LinearModule, of spec: ModelSpec) -> [AddedParameter] {
    let size = blockSize(of: module)
    return [AddedParameter("oft_R.weight", [blocks(of: module), size * (size - 1) / 2])]
  }
}
