/// A `model_type` of Transformers: what its configuration class assumes and its model class builds.
enum Family: String, CaseIterable {
  case llama, mistral, qwen2, qwen3
  case qwen3MoE = "qwen3_moe"
  case mixtral, gemma, gemma2
  case gemma3 = "gemma3_text"
  case phi, phi3, gpt2
  case gptNeoX = "gpt_neox"
  case qwen2MoE = "qwen2_moe"
  /// Qwen's first generation and ChatGLM2 and 3, whose classes come with their checkpoints.
  case qwen, chatglm

  var architecture: Architecture {
    switch self {
    case .llama: .llama
    case .mistral: .mistral
    case .qwen2: .qwen2
    case .qwen3: .qwen3
    case .qwen3MoE: .qwen3MoE
    case .mixtral: .mixtral
    case .gemma: .gemma
    case .gemma2: .gemma2
    case .gemma3: .gemma3
    case .phi: .phi
    case .phi3: .phi3
    case .gpt2: .gpt2
    case .gptNeoX: .gptNeoX
    case .qwen2MoE: .qwen2MoE
    case .qwen: .qwen
    case .chatglm: .chatGLM
    }
  }

  /// The sizes that a configuration class assumes where the file says nothing.
  struct Defaults {
    var vocabulary: Int
    var hidden: Int
    var intermediate: Int
    var layers: Int
    var heads: Int
    /// `nil`: as many as query heads.
    var keyValueHeads: Int?
    /// `nil`: the hidden size divided by the heads.
    var headDimension: Int?
    var positions: Int
    var epsilon: Double
    var theta: Double
  }

  /// Source: transformers 5.23, `models/<type>/configuration_<type>.py`; for qwen and chatglm the classes in their
  /// repositories, `configuration_qwen.py` (Qwen/Qwen-7B) and `configuration_chatglm.py` (THUDM/chatglm3-6b).
  var defaults: Defaults {
    var values = Defaults(
      vocabulary: 32000, hidden: 4096, intermediate: 11008, layers: 32, heads: 32, positions: 2048, epsilon: 1e-6,
      theta: 10000)
    switch self {
    case .llama: break
    case .mistral, .mixtral:
      (values.intermediate, values.keyValueHeads, values.positions) = (14336, 8, 131072)
      if self == .mixtral { (values.epsilon, values.theta) = (1e-5, 1e6) }
    case .qwen2, .qwen3:
      (values.vocabulary, values.intermediate, values.keyValueHeads) = (151936, 22016, 32)
      values.positions = 32768
      if self == .qwen3 { values.headDimension = 128 }
    case .qwen3MoE:
      (values.vocabulary, values.hidden, values.intermediate, values.layers) = (151936, 2048, 6144, 24)
      (values.keyValueHeads, values.positions) = (4, 32768)
    case .qwen2MoE:
      (values.vocabulary, values.hidden, values.intermediate, values.layers) = (151936, 2048, 5632, 24)
      (values.heads, values.keyValueHeads, values.positions) = (16, 16, 32768)
    case .qwen:
      (values.vocabulary, values.intermediate, values.positions) = (151936, 22016, 8192)
    case .chatglm:
      (values.vocabulary, values.intermediate, values.layers) = (65024, 13696, 28)
      (values.headDimension, values.epsilon) = (128, 1e-5)
    case .gemma:
      (values.vocabulary, values.hidden, values.intermediate, values.layers) = (256000, 3072, 24576, 28)
      (values.heads, values.keyValueHeads, values.headDimension, values.positions) = (16, 16, 256, 8192)
    case .gemma2, .gemma3:
      (values.vocabulary, values.hidden, values.intermediate, values.layers) = (256000, 2304, 9216, 26)
      (values.heads, values.keyValueHeads, values.headDimension, values.positions) = (8, 4, 256, 8192)
      if self == .gemma3 { (values.vocabulary, values.positions, values.theta) = (262208, 131072, 1e6) }
    case .phi:
      (values.vocabulary, values.hidden, values.intermediate, values.layers) = (51200, 2048, 8192, 24)
      values.epsilon = 1e-5
    case .phi3:
      (values.vocabulary, values.hidden, values.intermediate, values.positions) = (32064, 3072, 8192, 4096)
      values.epsilon = 1e-5
    case .gpt2:
      (values.vocabulary, values.hidden, values.layers, values.heads) = (50257, 768, 12, 12)
      (values.positions, values.epsilon) = (1024, 1e-5)
    case .gptNeoX:
      (values.vocabulary, values.hidden, values.intermediate, values.layers) = (50432, 6144, 24576, 44)
      (values.heads, values.epsilon) = (64, 1e-5)
    }
    return values
  }

  var isGemma: Bool { [.gemma, .gemma2, .gemma3].contains(self) }

  var isMixture: Bool { [.mixtral, .qwen3MoE, .qwen2MoE].contains(self) }

  /// The names of the fields that hold the sizes; GPT-2 has its own.
  var keys: (hidden: String, layers: String, heads: String, positions: String, epsilon: String) {
    switch self {
    case .gpt2: ("n_embd", "n_layer", "n_head", "n_positions", "layer_norm_epsilon")
    case .qwen:
      ("hidden_size", "num_hidden_layers", "num_attention_heads", "seq_length", "layer_norm_epsilon")
    case .chatglm: ("hidden_size", "num_layers", "num_attention_heads", "seq_length", "layernorm_epsilon")
    case .phi, .gptNeoX:
      ("hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "layer_norm_eps")
    default: ("hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "rms_norm_eps")
    }
  }

  var vocabularyField: String { self == .chatglm ? "padded_vocab_size" : "vocab_size" }
  var intermediateField: String { self == .chatglm ? "ffn_hidden_size" : "intermediate_size" }

  /// The fields without which a file leaves the size of its model to the defaults.
  var sizeFields: [String] {
    let common = [vocabularyField, keys.hidden, keys.layers, keys.heads]
    switch self {
    case .gpt2: return common
    case .mixtral: return common + ["intermediate_size", "num_key_value_heads", "num_local_experts"]
    case .qwen: return common + ["intermediate_size"]
    case .chatglm: return common + ["ffn_hidden_size", "multi_query_group_num"]
    case .qwen2MoE:
      return common + ["moe_intermediate_size", "shared_expert_intermediate_size", "num_key_value_heads"]
    case .qwen3MoE: return common + ["moe_intermediate_size", "num_key_value_heads"]
    case .mistral, .qwen2, .qwen3, .gemma, .gemma2, .gemma3:
      return common + ["intermediate_size", "num_key_value_heads"]
    case .llama, .phi, .phi3, .gptNeoX: return common + ["intermediate_size"]
    }
  }
}
