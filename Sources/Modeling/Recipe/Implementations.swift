/// How attention is computed.
public enum AttentionImplementation: String, CaseIterable, Hashable, Sendable, Codable { case eager, sdpa, flash }

/// How the head and the loss are computed.
public enum LossImplementation: String, CaseIterable, Hashable, Sendable, Codable {
  /// All logits at once.
  case full
  /// Logits in chunks of tokens or vocabulary.
  case chunked
  /// Head and loss in one operation that never holds all logits.
  case fused
}

/// In which format arithmetic runs, given the format of the weights.
public enum Precision: String, CaseIterable, Hashable, Sendable, Codable {
  /// Everything in the weights' format.
  case pure
  /// Matrix products in bf16 (or fp16) on the fly.
  case autocast
}
