extension Presets {
  /// Microsoft's Phi models.
  static let phi: [Preset] = [
    Preset(
      "phi-1.5", "microsoft/phi-1_5", .exact(1_418_270_720),
      config: [
        "model_type": "phi", "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 24,
        "num_attention_heads": 32, "partial_rotary_factor": 0.5, "vocab_size": 51200, "max_position_embeddings": 2048,
        "hidden_act": "gelu_new", "layer_norm_eps": 1e-5, "rope_theta": 10000, "torch_dtype": "float16",
      ]),
    Preset(
      "phi-2", "microsoft/phi-2", .exact(2_779_683_840),
      config: [
        "model_type": "phi", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 32,
        "num_attention_heads": 32, "partial_rotary_factor": 0.4, "vocab_size": 51200, "max_position_embeddings": 2048,
        "hidden_act": "gelu_new", "layer_norm_eps": 1e-5, "rope_theta": 10000, "torch_dtype": "float16",
      ]),
    Preset(
      "phi-3-mini", "microsoft/Phi-3-mini-4k-instruct", .exact(3_821_079_552),
      config: [
        "model_type": "phi3", "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 32064, "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5, "rope_theta": 10000, "sliding_window": 2047, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "phi-3-medium", "microsoft/Phi-3-medium-4k-instruct", .exact(13_960_238_080),
      config: [
        "model_type": "phi3", "hidden_size": 5120, "intermediate_size": 17920, "num_hidden_layers": 40,
        "num_attention_heads": 40, "num_key_value_heads": 10, "vocab_size": 32064, "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5, "rope_theta": 10000, "sliding_window": 2047, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "phi-4", "microsoft/phi-4", .exact(14_659_507_200),
      config: [
        "model_type": "phi3", "hidden_size": 5120, "intermediate_size": 17920, "num_hidden_layers": 40,
        "num_attention_heads": 40, "num_key_value_heads": 10, "vocab_size": 100352, "max_position_embeddings": 16384,
        "rms_norm_eps": 1e-5, "rope_theta": 250000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "phi-4-mini", "microsoft/Phi-4-mini-instruct", .exact(3_836_021_760),
      config: [
        "model_type": "phi3", "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32,
        "num_attention_heads": 24, "num_key_value_heads": 8, "vocab_size": 200064, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5, "rope_theta": 10000, "partial_rotary_factor": 0.75, "tie_word_embeddings": true,
        "sliding_window": 262144, "torch_dtype": "bfloat16",
      ]),
  ]
}
