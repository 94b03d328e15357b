/// Which parameters train, and what wraps the modules that don't.
public enum Method: Hashable, Sendable {
  /// Every parameter trains.
  case full
  /// Low-rank adapters on a frozen base (Hu et al. 2021, <https://arxiv.org/abs/2106.09685>).
  case lora(LoRA)
  /// Low-rank adapters on a frozen, quantized base (Dettmers et al. 2023, <https://arxiv.org/abs/2305.14314>).
  case qlora(LoRA, Quantization)

  /// As the command line says it.
  public enum Name: String, CaseIterable, Hashable, Sendable, Codable { case full, lora, qlora }

  public var name: Name {
    switch self {
    case .full: .full
    case .lora: .lora
    case .qlora: .qlora
    }
  }

  public var adapter: LoRA? {
    switch self {
    case .full: nil
    case .lora(let lora), .qlora(let lora, _): lora
    }
  }

  public var quantization: Quantization? {
    if case .qlora(_, let quantization) = self { quantization } else { nil }
  }
}

/// Low-rank adapters: W + (alpha/rank)·B·A beside the linear layers that ``targets`` names.
public struct LoRA: Hashable, Sendable {
  public let rank: Int
  public let alpha: Double
  /// Probability with which an adapter's input element is dropped.
  public let dropout: Double
  public let targets: Targets

  public init(rank: Int, alpha: Double, dropout: Double = 0, targets: Targets = .allLinear) throws(RecipeError) {
    guard (1...65536).contains(rank) else { throw .outOfRange("rank", "\(rank)", "between 1 and 65536") }
    guard alpha.isFinite, alpha > 0 else { throw .outOfRange("alpha", "\(alpha)", "a positive number") }
    guard dropout >= 0, dropout < 1 else {
      throw .outOfRange("lora-dropout", "\(dropout)", "at least 0 and below 1")
    }
    self.rank = rank
    self.alpha = alpha
    self.dropout = dropout
    self.targets = targets
  }

  /// What B·A is multiplied with.
  public var scale: Double { alpha / Double(rank) }

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
