import Bookkeeping
import Modeling

/// The `config.json` by which Transformers builds the model that a spec describes.
///
/// Source: transformers `models/{llama,mistral,qwen2,qwen3}/configuration_*.py`.
enum TransformersConfig {
  /// What every such file says; `nil` for an architecture, or a choice in it, that these classes don't have.
  static func document(_ spec: ModelSpec, _ format: SafetensorsWriter.Format) -> JSONValue? {
    guard case .rotary(let rotary) = spec.positions, let scaling = scaling(rotary),
      let particular = particular(spec)
    else { return nil }
    var members: [String: JSONValue] = [
      "model_type": .string(spec.architecture.rawValue), "hidden_act": "silu",
      "vocab_size": .integer(spec.vocabularySize),
      "hidden_size": .integer(spec.hiddenSize), "intermediate_size": .integer(spec.feedForward.intermediateSize),
      "num_hidden_layers": .integer(spec.layerCount), "num_attention_heads": .integer(spec.attention.heads),
      "num_key_value_heads": .integer(spec.attention.keyValueHeads),
      "head_dim": .integer(spec.attention.headDimension),
      "max_position_embeddings": .integer(spec.maximumPositions),
      "rms_norm_eps": .number(spec.normalization.epsilon), "rope_theta": .number(rotary.theta),
      "rope_scaling": scaling, "tie_word_embeddings": .bool(spec.tiesEmbeddings), "use_cache": true,
    ]
    members.merge(particular) { _, own in own }
    // Both spellings: "dtype" since Transformers 4.56, "torch_dtype" before.
    for name in ["dtype", "torch_dtype"] { members[name] = .string(format.torchName) }
    return .object(members)
  }

  /// The base's own file, which knows more (special tokens, for one), adjusted to the format that is written.
  static func document(base: [String: JSONValue], _ format: SafetensorsWriter.Format) -> JSONValue {
    var members = base
    members["quantization_config"] = nil
    for name in ["dtype", "torch_dtype"] { members[name] = .string(format.torchName) }
    return .object(members)
  }

  /// What distinguishes the four classes.
  private static func particular(_ spec: ModelSpec) -> [String: JSONValue]? {
    let bias = spec.attention.hasProjectionBias
    let hasOneBias = spec.attention.hasOutputBias == bias
    let window = spec.attention.slidingWindow
    switch spec.architecture {
    case .llama where hasOneBias && window == nil:
      return [
        "architectures": ["LlamaForCausalLM"], "attention_bias": .bool(bias),
        "mlp_bias": .bool(spec.feedForward.hasBias),
      ]
    case .mistral where !bias && hasOneBias && !spec.feedForward.hasBias:
      return ["architectures": ["MistralForCausalLM"], "sliding_window": window.map(JSONValue.integer) ?? .null]
    case .qwen2 where bias && !spec.attention.hasOutputBias && window == nil && !spec.feedForward.hasBias:
      return ["architectures": ["Qwen2ForCausalLM"], "use_sliding_window": false]
    case .qwen3 where hasOneBias && window == nil && !spec.feedForward.hasBias:
      return ["architectures": ["Qwen3ForCausalLM"], "attention_bias": .bool(bias), "use_sliding_window": false]
    default: return nil
    }
  }

  private static func scaling(_ rotary: RotarySpec) -> JSONValue? {
    switch rotary.scaling {
    case .none: .null
    case .linear(let factor): ["rope_type": "linear", "factor": .number(factor)]
    case .llama3(let factor, let low, let high, let original):
      [
        "rope_type": "llama3", "factor": .number(factor), "low_freq_factor": .number(low),
        "high_freq_factor": .number(high), "original_max_position_embeddings": .integer(original),
      ]
    case .other: nil
    }
  }
}
