import Bookkeeping

/// Low-rank products with singular values between their factors, of which training prunes some.
///
/// Source: Zhang et al. 2023, <https://arxiv.org/abs/2303.10512>; peft/tuners/adalora/layer.py.
///
/// Planned at the initial rank, where a run begins and is largest.
public struct AdaLoRA: ModuleWrapping, Hashable {
  public let rank: Int
  public let dropout: Double
  public let targets: LoRA.Targets

  public init(rank: Int = 12, dropout: Double = 0, targets: LoRA.Targets) throws(RecipeError) {
    guard (1...65536).contains(rank) else { throw .outOfRange("rank", "\(rank)", "between 1 and 65536") }
    guard dropout >= 0, dropout < 1 else {
      throw .outOfRange("lora-dropout", "\(dropout)", "at least 0 and below 1")
    }
    self.rank = rank
    self.dropout = dropout
    self.targets = targets
  }

  public func added(to module: LinearModule, of spec: ModelSpec) -> [AddedParameter] {
    [
      AddedParameter("lora_A", [rank, module.input]), AddedParameter("lora_B", [module.output, rank]),
      AddedParameter("lora_E", [rank, 1]), AddedParameter("ranknum", [1], trains: false),
    ]
  }
}
