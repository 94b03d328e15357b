extension Family {
  /// The rotary embedding, in either spelling.
  ///
  /// Transformers 4 writes `rope_theta` beside `rope_scaling`; Transformers 5 writes both into `rope_parameters`, one
  /// object a layer type where these differ (`modeling_rope_utils.py`, `convert_rope_params_to_dict`).
  func rotary(_ fields: ConfigFields, maximumPositions: Int) throws(ConfigError) -> RotarySpec {
    let scaling = try fields.object("rope_scaling")
    let parameters = try rotaryParameters(fields)
    return RotarySpec(
      theta: try theta([parameters, scaling, fields]), rotatedShare: try rotatedShare(fields, parameters),
      scaling: try self.scaling(scaling ?? parameters, fields, maximumPositions: maximumPositions))
  }

  /// The first base that one of these objects gives.
  private func theta(_ sources: [ConfigFields?]) throws(ConfigError) -> Double {
    for case let source? in sources {
      for field in ["rope_theta", "rotary_emb_base"] {
        if let theta = try source.positive(field) { return theta }
      }
    }
    return defaults.theta
  }

  private func rotaryParameters(_ fields: ConfigFields) throws(ConfigError) -> ConfigFields? {
    guard let parameters = try fields.object("rope_parameters") else { return nil }
    // The layers without a window are the ones whose positions the spec speaks of.
    return try parameters.object("full_attention") ?? parameters
  }

  private func rotatedShare(_ fields: ConfigFields, _ parameters: ConfigFields?) throws(ConfigError) -> Double {
    let allowed = "above 0 and at most 1"
    let isAllowed = { (share: Double) in share > 0 && share <= 1 }
    if let share = try parameters?.number("partial_rotary_factor", where: isAllowed, allowed) { return share }
    // ChatGLM rotates half of each head (modeling_chatglm.py, `RotaryEmbedding(rotary_dim // 2)`).
    if self == .chatglm { return 0.5 }
    guard let fallback = [Family.gptNeoX: 0.25, .phi: 0.5, .phi3: 1][self] else { return 1 }
    for field in ["partial_rotary_factor", "rotary_pct"] {
      if let share = try fields.number(field, where: isAllowed, allowed) { return share }
    }
    return fallback
  }

  private func scaling(
    _ parameters: ConfigFields?, _ fields: ConfigFields, maximumPositions: Int
  ) throws(ConfigError) -> RotarySpec.Scaling {
    guard let parameters else { return .none }
    // Files from before Transformers 4.43 say "type".
    let field = parameters.value("rope_type") == nil ? "type" : "rope_type"
    guard let rule = try parameters.text(field) else { return .none }
    func factor() throws(ConfigError) -> Double {
      guard let value = try parameters.number("factor", where: { $0 >= 1 }, "a number of at least 1") else {
        throw parameters.missing("factor")
      }
      return value
    }
    switch rule {
    case "default": return .none
    case "linear": return .linear(factor: try factor())
    case "llama3":
      let low = try parameters.positive("low_freq_factor")
      let high = try parameters.positive("high_freq_factor")
      guard let low else { throw parameters.missing("low_freq_factor") }
      guard let high else { throw parameters.missing("high_freq_factor") }
      let original = try parameters.integer("original_max_position_embeddings", in: ModelSpec.Limit.positions)
      return .llama3(
        factor: try factor(), lowFrequencyFactor: low, highFrequencyFactor: high,
        originalPositions: original ?? maximumPositions)
    default: return .other(rule)
    }
  }
}
