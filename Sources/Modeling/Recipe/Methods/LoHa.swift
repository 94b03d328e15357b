import Bookkeeping

/// The elementwise product of two low-rank products.
///
/// Source: Hyeon-Woo et al. 2021, <https://arxiv.org/abs/2108.06098>;
/// peft/tuners/loha/layer.py.
public struct LoHa: ModuleWrapping, Hashable {
  public let rank: Int
  public let targets: LoRA.Targets

  public init(rank: Int = 8, targets: LoRA.Targets) throws(RecipeError) {
    guard (1...65536).contains(rank) else { throw .outOfRange("rank", "\(rank)", "between 1 and 65536") }
    self.rank = rank
    self.targets = targets
  }

  public func added(to module: LinearModule, of spec: ModelSpec) -> [AddedParameter] {
    ["1", "2"].flatMap { factor in
      [
        AddedParameter("hada_w\(factor)_a", [module.output, rank]),
        AddedParameter("hada_w\(factor)_b", [rank, module.input]),
      ]
    }
  }
}
