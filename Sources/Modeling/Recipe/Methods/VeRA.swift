import Bookkeeping

/// Two fixed random matrices that all layers share, and two trained vectors a layer.
///
/// Source: Kopiczko et al. 2023, <https://arxiv.org/abs/2310.11454>; peft/tuners/vera/layer.py.
public struct VeRA: ModuleWrapping, Hashable {
  public let rank: Int
  public let targets: LoRA.Targets

  public init(rank: Int = 256, targets: LoRA.Targets) throws(RecipeError) {
    guard (1...65536).contains(rank) else { throw .outOfRange("rank", "\(rank)", "between 1 and 65536") }
    self.rank = rank
    self.targets = targets
  }

  public func added(to module: LinearModule, of spec: ModelSpec) -> [AddedParameter] {
    [AddedParameter("vera_lambda_b", [module.output]), AddedParameter("vera_lambda_d", [rank])]
  }

  /// The shared matrices, as wide as the widest layer (peft/tuners/vera/model.py, `_find_dim`).
  public func shared(in spec: ModelSpec) -> [AddedParameter] {
    let modules = spec.linearModules(0).filter(targets.match)
    let (input, output) = (modules.map(\.input).max() ?? 0, modules.map(\.output).max() ?? 0)
    return [
      AddedParameter("vera_A", [rank, input], trains: false), AddedParameter("vera_B", [output, rank], trains: false),
    ]
  }
}
