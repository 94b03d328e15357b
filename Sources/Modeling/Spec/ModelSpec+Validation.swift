/// Why a model cannot be: the field, what it was, and what it should be.
public enum ModelSpecError: Error, Hashable, CustomStringConvertible {
  case outOfRange(field: String, value: Int, allowed: ClosedRange<Int>)
  case notDivisible(field: String, value: Int, by: String, divisor: Int)
  case invalidNumber(field: String, value: String, expected: String)
  case tooManyParameters(model: String)

  public var description: String {
    switch self {
    case .outOfRange(let field, let value, let allowed):
      "\(field) is \(value): it must lie in \(allowed.lowerBound)…\(allowed.upperBound)"
    case .notDivisible(let field, let value, let by, let divisor):
      "\(field) is \(value): it must be a multiple of \(by), which is \(divisor)"
    case .invalidNumber(let field, let value, let expected): "\(field) is \(value): it must be \(expected)"
    case .tooManyParameters(let model): "\(model) would have more than 2^45 parameters: some dimension is absurd"
    }
  }
}

extension ModelSpec {
  /// What sizes may be; readers check the same limits, so that a refusal names the field as the file does.
  enum Limit {
    static let layers = 1...4096
    static let hiddenSize = 1...(1 << 20)
    static let heads = 1...4096
    static let headDimension = 1...16384
    static let vocabulary = 1...(1 << 24)
    static let positions = 1...(1 << 28)
    static let intermediateSize = 1...(1 << 22)
    static let experts = 1...4096
    /// Experts of all layers together: each is a few parameters with names, so their number bounds the list.
    static let expertsInAll = 1...(1 << 17)
  }

  /// Every refusal of a spec.
  ///
  /// The limits are far beyond any model, and low enough that no product of sizes can overflow.
  func validate() throws(ModelSpecError) {
    try check("num_hidden_layers", layerCount, Limit.layers)
    try check("hidden_size", hiddenSize, Limit.hiddenSize)
    try check("num_attention_heads", attention.heads, Limit.heads)
    try check("num_key_value_heads", attention.keyValueHeads, Limit.heads)
    try check("head_dim", attention.headDimension, Limit.headDimension)
    try check("vocab_size", vocabularySize, Limit.vocabulary)
    try check("max_position_embeddings", maximumPositions, Limit.positions)
    guard attention.heads.isMultiple(of: attention.keyValueHeads) else {
      throw .notDivisible(
        field: "num_attention_heads", value: attention.heads, by: "num_key_value_heads",
        divisor: attention.keyValueHeads)
    }
    try check("intermediate_size", feedForward.intermediateSize, Limit.intermediateSize)
    if let experts = feedForward.experts {
      try check("num_experts", experts.count, Limit.experts)
      try check("num_experts × num_hidden_layers", experts.count * layerCount, Limit.expertsInAll)
      try check("num_experts_per_tok", experts.active, 1...experts.count)
      try check("moe_intermediate_size", experts.intermediateSize, Limit.intermediateSize)
      if let shared = experts.sharedIntermediateSize {
        try check("shared_expert_intermediate_size", shared, Limit.intermediateSize)
      }
    }
    if let window = attention.slidingWindow { try check("sliding_window", window, Limit.positions) }
    guard normalization.epsilon > 0, normalization.epsilon < 1 else {
      throw .invalidNumber(
        field: "rms_norm_eps", value: "\(normalization.epsilon)", expected: "a positive number below 1")
    }
    try validatePositions()
    // In Double first, so that the exact count below cannot overflow.
    let widest = Double(max(hiddenSize, attention.queryWidth))
    let expertCount = Double(feedForward.experts?.count ?? 1)
    let inner = Double(feedForward.experts?.intermediateSize ?? feedForward.intermediateSize)
    let shared = Double(feedForward.experts?.sharedIntermediateSize ?? 0)
    let perLayer = 4 * widest * widest + 3 * Double(hiddenSize) * (inner * expertCount + shared)
    let bound = perLayer * Double(layerCount) + 2 * Double(vocabularySize) * Double(hiddenSize)
    guard bound < Double(1 << 45) else { throw .tooManyParameters(model: name) }
  }

  private func validatePositions() throws(ModelSpecError) {
    switch positions {
    case .learned(let count): try check("n_positions", count, Limit.positions)
    case .rotary(let rotary):
      guard rotary.theta.isFinite, rotary.theta > 0 else {
        throw .invalidNumber(field: "rope_theta", value: "\(rotary.theta)", expected: "a positive number")
      }
      guard rotary.rotatedShare > 0, rotary.rotatedShare <= 1 else {
        throw .invalidNumber(
          field: "partial_rotary_factor", value: "\(rotary.rotatedShare)", expected: "above 0 and at most 1")
      }
      guard attention.headDimension.isMultiple(of: 2) else {
        throw .notDivisible(field: "head_dim", value: attention.headDimension, by: "a pair", divisor: 2)
      }
      if case .llama3(let factor, let low, let high, let original) = rotary.scaling {
        guard factor.isFinite, factor >= 1 else {
          throw .invalidNumber(field: "rope_scaling.factor", value: "\(factor)", expected: "at least 1")
        }
        guard low.isFinite, high.isFinite, low > 0, high > low else {
          throw .invalidNumber(
            field: "rope_scaling.high_freq_factor", value: "\(high)", expected: "above low_freq_factor, \(low)")
        }
        try check("rope_scaling.original_max_position_embeddings", original, Limit.positions)
      }
      if case .linear(let factor) = rotary.scaling, !(factor.isFinite && factor > 0) {
        throw .invalidNumber(field: "rope_scaling.factor", value: "\(factor)", expected: "a positive number")
      }
    }
  }

  private func check(_ field: String, _ value: Int, _ allowed: ClosedRange<Int>) throws(ModelSpecError) {
    guard allowed.contains(value) else { throw .outOfRange(field: field, value: value, allowed: allowed) }
  }
}
