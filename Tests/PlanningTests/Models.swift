import Bookkeeping
import Modeling
import Planning
import Testing

/// Models and recipes that the tests share.
enum Models {
  /// Two layers of hidden size 8: small enough to add up by hand.
  static func tiny(
    layers: Int = 2, normalizesQueryAndKey: Bool = false, tiesEmbeddings: Bool = false, heads: Int = 2,
    hasProjectionBias: Bool = false
  ) throws -> ModelSpec {
    try ModelSpec(
      name: "tiny", architecture: .llama, layerCount: layers, hiddenSize: 8,
      attention: AttentionSpec(
        heads: heads, keyValueHeads: 1, headDimension: 4, hasProjectionBias: hasProjectionBias,
        normalizesQueryAndKey: normalizesQueryAndKey),
      feedForward: FeedForwardSpec(intermediateSize: 12), vocabularySize: 10, tiesEmbeddings: tiesEmbeddings,
      normalization: Normalization(kind: .rms, epsilon: 1e-5), positions: .rotary(RotarySpec(theta: 10_000)),
      maximumPositions: 1024)
  }

  static func llama(
    _ name: String, layers: Int, hidden: Int, heads: Int, keyValueHeads: Int, intermediate: Int,
    vocabulary: Int = 32_000
  ) throws -> ModelSpec {
    try ModelSpec(
      name: name, architecture: .llama, layerCount: layers, hiddenSize: hidden,
      attention: AttentionSpec(heads: heads, keyValueHeads: keyValueHeads, headDimension: hidden / heads),
      feedForward: FeedForwardSpec(intermediateSize: intermediate), vocabularySize: vocabulary, tiesEmbeddings: false,
      normalization: Normalization(kind: .rms, epsilon: 1e-5), positions: .rotary(RotarySpec(theta: 10_000)),
      maximumPositions: 4096)
  }

  static func llama2Seven() throws -> ModelSpec {
    try llama("llama-2-7b", layers: 32, hidden: 4096, heads: 32, keyValueHeads: 32, intermediate: 11008)
  }

  static func llama2Seventy() throws -> ModelSpec {
    try llama("llama-2-70b", layers: 80, hidden: 8192, heads: 64, keyValueHeads: 8, intermediate: 28672)
  }

  /// A recipe for the engine, with `change` made to its defaults.
  static func recipe(
    _ spec: ModelSpec, _ method: Method.Name, sequence: Int = 4, _ change: (inout RecipeRequest) -> Void = { _ in }
  ) throws -> ResolvedRecipe {
    var request = RecipeRequest()
    request.stack = .plimsoll
    request.method = method
    request.sequence = sequence
    change(&request)
    return try request.resolved(for: spec)
  }

  static func plan(
    _ spec: ModelSpec, _ method: Method.Name, sequence: Int = 4, _ change: (inout RecipeRequest) -> Void = { _ in }
  ) throws -> Plan {
    try Planner.plan(spec, recipe(spec, method, sequence: sequence, change))
  }
}

extension Ledger {
  /// Bytes live when the moment of this label ends.
  func end(of label: String) throws -> Bytes {
    timeline[try #require(clock[label]).ordinal].end
  }

  /// The most bytes of an account in any moment.
  func high(of account: Account) -> Bytes {
    timeline.map { $0.highByAccount[account] ?? .zero }.max() ?? .zero
  }
}
