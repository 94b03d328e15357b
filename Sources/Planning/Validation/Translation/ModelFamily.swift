import Modeling

/// What a model's name tells about its architecture beyond its sizes.
///
/// Each is what the family's `config.json` and model class say (transformers `models/<type>`); models that are no class
/// of the planner's are planned as the one that they are closest to, and the name says so.
struct ModelFamily: Hashable {
  /// As a sentence calls it.
  var name: String
  var architecture = Architecture.llama
  var norm = Normalization.Kind.rms
  var activation = FeedForwardSpec.Activation.silu
  var isGated = true
  var hasProjectionBias = false
  var hasOutputBias = false
  var hasFeedForwardBias = false
  var fusesProjections = false
  var fusesGateAndUp = false
  var normalizesQueryAndKey = false
  var normalizesOutputs = false
  var isParallel = false
  var sharesParallelNorm = false
  var rotatedShare = 1.0
  var tiesEmbeddings = false
  var headHasBias = false
  var logitSoftcap: Double?
  var finalLogitSoftcap: Double?
  /// Rows of the table of positions, where positions are learned.
  var learnedPositions: Int?
  /// Key/value heads where the row leaves them out; `nil` for as many as query heads.
  var keyValueHeads: Int?
  /// Experts that one token visits, where the model is a mixture.
  var activeExperts = 2
  /// Width of the expert that every token visits, in widths of the others; 0 where there is none.
  var sharedExperts = 0
  /// Whether Transformers has no fused attention for the class (no `_supports_sdpa`).
  var isAlwaysEager = false

  init(_ name: String, _ change: (inout ModelFamily) -> Void = { _ in }) {
    self.name = name
    change(&self)
  }

  /// The same under another name, with some of it changed.
  func with(_ name: String, _ change: (inout ModelFamily) -> Void) -> ModelFamily {
    var copy = self
    copy.name = name
    change(&copy)
    return copy
  }

  /// The family that a name points to; `nil` where it points to none that is known.
  static func guess(_ name: String) -> ModelFamily? {
    let words = FreeText(name.replacing("_", with: " "))
    // The longer names first: Mixtral is a Mistral, and Qwen3 no Qwen.
    return known.first { parts, _ in parts.contains { $0.count <= 3 ? words.says($0) : words.has($0) } }?.family
  }

  /// The family by the shape of its feed-forward network alone.
  static func typical(isGated: Bool) -> ModelFamily { isGated ? llama : neoX("a GPT-NeoX") }

  /// The family with another feed-forward network than its own, as a row may say: the rest of it stays.
  func with(isGated: Bool) -> ModelFamily {
    guard isGated != self.isGated else { return self }
    return with(name + (isGated ? ", gated as the row says" : ", without a gate as the row says")) {
      $0.isGated = isGated
      $0.activation = isGated ? .silu : .gelu
      if !isGated { $0.fusesGateAndUp = false }
    }
  }

  // MARK: Bases of the table

  static let llama = ModelFamily("a Llama")

  static func neoX(_ name: String, parallel: Bool = true) -> ModelFamily {
    ModelFamily(name) {
      ($0.architecture, $0.norm, $0.activation, $0.isGated) = (.gptNeoX, .layer, .gelu, false)
      ($0.hasProjectionBias, $0.hasOutputBias, $0.hasFeedForwardBias) = (true, true, true)
      ($0.fusesProjections, $0.isParallel, $0.rotatedShare) = (true, parallel, 0.25)
    }
  }

  static func gemma(_ name: String, _ architecture: Architecture) -> ModelFamily {
    ModelFamily(name) {
      ($0.architecture, $0.activation, $0.tiesEmbeddings) = (architecture, .geluTanh, true)
      $0.normalizesOutputs = architecture != .gemma
      $0.normalizesQueryAndKey = architecture == .gemma3
      if architecture == .gemma2 { ($0.logitSoftcap, $0.finalLogitSoftcap) = (50, 30) }
    }
  }

  /// Separate projections, layer norms and a plain network, everything with biases.
  static func plain(_ name: String, _ activation: FeedForwardSpec.Activation) -> ModelFamily {
    ModelFamily(name) {
      ($0.architecture, $0.norm, $0.activation, $0.isGated) = (.phi, .layer, activation, false)
      ($0.hasProjectionBias, $0.hasOutputBias, $0.hasFeedForwardBias) = (true, true, true)
    }
  }
}
