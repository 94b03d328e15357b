import Bookkeeping

/// Low-rank adapters: W + (alpha/rank)·B·A beside the linear layers that ``targets`` names.
///
/// Source: Hu et al. 2021, <https://arxiv.org/abs/2106.09685>.
public struct LoRA: Hashable, Sendable {
  public let rank: Int
  public let alpha: Double
  /// Probability with which an adapter's input element is dropped.
  public let dropout: Double
  public let targets: Targets
  /// Whether a trained magnitude scales each row of the adapted weight, whose direction alone B·A turns.
  ///
  /// Source: DoRA: Liu et al. 2024, <https://arxiv.org/abs/2402.09353>.
  public let decomposesWeights: Bool
  /// Whether B·A is multiplied with alpha/√rank (rsLoRA: Kalajdzievski 2023, <https://arxiv.org/abs/2312.03732>).
  public let stabilizesRank: Bool
  /// Modules outside the adapters that train whole: a copy of each beside the frozen original (PEFT's
  /// `modules_to_save`; peft/utils/other.py, `ModulesToSaveWrapper`).
  public let modulesToSave: [String]

  public init(
    rank: Int, alpha: Double, dropout: Double = 0, targets: Targets = .allLinear, decomposesWeights: Bool = false,
    stabilizesRank: Bool = false, modulesToSave: [String] = []
  ) throws(RecipeError) {
    guard (1...65536).contains(rank) else { throw .outOfRange("rank", "\(rank)", "between 1 and 65536") }
    guard alpha.isFinite, alpha > 0 else { throw .outOfRange("alpha", "\(alpha)", "a positive number") }
    guard dropout >= 0, dropout < 1 else {
      throw .outOfRange("lora-dropout", "\(dropout)", "at least 0 and below 1")
    }
    self.rank = rank
    self.alpha = alpha
    self.dropout = dropout
    self.targets = targets
    self.decomposesWeights = decomposesWeights
    self.stabilizesRank = stabilizesRank
    self.modulesToSave = modulesToSave
  }

  /// What B·A is multiplied with.
  public var scale: Double { alpha / (stabilizesRank ? Double(rank).squareRoot() : Double(rank)) }

  /// The same adapters with another rank, the scale staying what it was.
  public func with(rank: Int) throws(RecipeError) -> LoRA {
    return try LoRA(
      rank: rank, alpha: scale * (stabilizesRank ? Double(rank).squareRoot() : Double(rank)), dropout: dropout,
      targets: targets, decomposesWeights: decomposesWeights,
      stabilizesRank: stabilizesRank, modulesToSave: modulesToSave)
  }

  /// The linear layers that get an adapter.
  public enum Targets: Hashable, Sendable {
    /// Every linear layer of the decoder but the head (PEFT's `all-linear`).
    case allLinear
    /// The projections into and out of attention.
    case attention
    /// Layers whose name is, or ends in a dot and, one of these (PEFT's `target_modules`).
    case modules([String])

    /// Whether an adapter goes on `module`.
    public func match(_ module: LinearModule) -> Bool {
      switch self {
      case .allLinear: true
      case .attention: [.query, .key, .value, .queryKeyValue, .output].contains(module.role)
      case .modules(let names): names.contains { module.name == $0 || module.name.hasSuffix("." + $0) }
      }
    }

    public var text: String {
      switch self {
      case .allLinear: "all-linear"
      case .attention: "attention"
      case .modules(let names): names.joined(separator: ",")
      }
    }
  }
}

extension LoRA: ModuleWrapping {
  public func added(to module: LinearModule, of spec: ModelSpec) -> [AddedParameter] {
    let factors = [
      AddedParameter("lora_A.weight", [rank, module.input]), AddedParameter("lora_B.weight", [module.output, rank]),
    ]
    return decomposesWeights
      ? factors + [AddedParameter("lora_magnitude_vector.weight", [module.output])] : factors
  }
}
