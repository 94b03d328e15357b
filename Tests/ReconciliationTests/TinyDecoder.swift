import Modeling

/// Small decoders that differ in everything the books could care about.
enum TinyDecoder: String, CaseIterable, Sendable {
  /// Untied, grouped queries, widths that are no multiples of a block.
  case untied
  /// Tied embeddings: one gradient for table and head.
  case tied
  /// Biases on q, k and v; query width other than hidden size.
  case biased
  /// Norms on queries and keys.
  case normed

  var spec: ModelSpec { get throws { try spec(vocabulary: 131) } }

  func spec(vocabulary: Int) throws -> ModelSpec {
    try ModelSpec(
      name: "tiny-\(rawValue)", architecture: self == .biased ? .qwen2 : self == .normed ? .qwen3 : .llama,
      layerCount: 3, hiddenSize: 48,
      attention: AttentionSpec(
        heads: 4, keyValueHeads: self == .tied ? 4 : 2, headDimension: self == .biased ? 16 : 12,
        hasProjectionBias: self == .biased, normalizesQueryAndKey: self == .normed),
      feedForward: FeedForwardSpec(intermediateSize: 100), vocabularySize: vocabulary,
      tiesEmbeddings: self == .tied || self == .normed, normalization: Normalization(kind: .rms, epsilon: 1e-5),
      positions: .rotary(RotarySpec(theta: 10_000)), maximumPositions: 300)
  }
}
