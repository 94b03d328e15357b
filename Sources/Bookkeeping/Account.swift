/// What a byte is for; the cases stand in the order in which a receipt prints them.
public enum Account: String, CaseIterable, Hashable, Sendable, Codable {
  /// Parameters of the base model, quantized or not, trained or frozen.
  case weights
  /// absmax, nested absmax, offsets and code tables of quantized weights.
  case quantizationConstants
  /// Parameters that a method adds: LoRA's A and B.
  case adapters
  /// Gradients of parameters. Gradients of activations are booked under ``activations``.
  case gradients
  /// Moments and whatever else an optimizer keeps between steps.
  case optimizerState
  /// Values of the forward pass, kept or in flight, and the gradients that flow back through them.
  case activations
  /// Layer inputs kept by gradient checkpointing.
  case checkpoints
  /// Scores over the vocabulary, their upcast copies and their gradients.
  case logits
  /// Buffers borrowed by one operation and given back at its end.
  case workspace
  /// Token ids, labels, masks and position tables.
  case batch
  /// What is outside every tensor: context, loaded kernels, library workspaces, allocator rounding.
  case runtime
}

extension Account: Comparable {
  /// The account's place among ``allCases``, spelled out because books are posted by it.
  package var rank: Int {
    switch self {
    case .weights: 0
    case .quantizationConstants: 1
    case .adapters: 2
    case .gradients: 3
    case .optimizerState: 4
    case .activations: 5
    case .checkpoints: 6
    case .logits: 7
    case .workspace: 8
    case .batch: 9
    case .runtime: 10
    }
  }

  public static func < (left: Account, right: Account) -> Bool { left.rank < right.rank }

  /// The account as a person reads it.
  public var title: String {
    switch self {
    case .weights: "weights"
    case .quantizationConstants: "quantization constants"
    case .adapters: "adapters"
    case .gradients: "gradients"
    case .optimizerState: "optimizer state"
    case .activations: "activations"
    case .checkpoints: "checkpoints"
    case .logits: "logits"
    case .workspace: "workspace"
    case .batch: "batch"
    case .runtime: "runtime"
    }
  }
}
