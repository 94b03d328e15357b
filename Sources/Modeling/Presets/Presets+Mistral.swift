extension Presets {
  /// Mistral AI's dense models and mixtures.
  static let mistral: [Preset] = [
    Preset(
      "mistral-7b-v0.1", "mistralai/Mistral-7B-v0.1", .exact(7_241_732_096),
      aliases: ["mistralai/Mistral-7B-Instruct-v0.1", "HuggingFaceH4/zephyr-7b-beta"],
      config: [
        "model_type": "mistral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-5, "rope_theta": 10000, "sliding_window": 4096, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "mistral-7b-v0.2", "mistralai/Mistral-7B-Instruct-v0.2", .exact(7_241_732_096),
      aliases: ["mistralai/Mistral-7B-v0.2"],
      config: [
        "model_type": "mistral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-5, "rope_theta": 1_000_000, "sliding_window": nil, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "mistral-7b-v0.3", "mistralai/Mistral-7B-v0.3", .exact(7_248_023_552),
      aliases: ["mistralai/Mistral-7B-Instruct-v0.3"],
      config: [
        "model_type": "mistral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32768, "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-5, "rope_theta": 1_000_000, "sliding_window": nil, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "ministral-8b", "mistralai/Ministral-8B-Instruct-2410", .exact(8_019_808_256),
      config: [
        "model_type": "mistral", "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 131072,
        "max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "rope_theta": 100_000_000, "sliding_window": 32768,
        "torch_dtype": "bfloat16",
      ]),
    Preset(
      "mistral-nemo-12b", "mistralai/Mistral-Nemo-Base-2407", .exact(12_247_782_400),
      aliases: ["mistralai/Mistral-Nemo-Instruct-2407"],
      config: [
        "model_type": "mistral", "hidden_size": 5120, "intermediate_size": 14336, "num_hidden_layers": 40,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 131072,
        "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 1_000_000, "sliding_window": nil,
        "torch_dtype": "bfloat16",
      ]),
    Preset(
      "codestral-22b", "mistralai/Codestral-22B-v0.1", .exact(22_247_282_688),
      config: [
        "model_type": "mistral", "hidden_size": 6144, "intermediate_size": 16384, "num_hidden_layers": 56,
        "num_attention_heads": 48, "num_key_value_heads": 8, "vocab_size": 32768, "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-5, "rope_theta": 1_000_000, "sliding_window": nil, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "mistral-small-24b", "mistralai/Mistral-Small-24B-Base-2501", .exact(23_572_403_200),
      aliases: ["mistralai/Mistral-Small-24B-Instruct-2501"],
      config: [
        "model_type": "mistral", "hidden_size": 5120, "intermediate_size": 32768, "num_hidden_layers": 40,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 131072,
        "max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "rope_theta": 100_000_000, "sliding_window": nil,
        "torch_dtype": "bfloat16",
      ]),
    Preset(
      "mistral-large-123b", "mistralai/Mistral-Large-Instruct-2407", .exact(122_610_069_504),
      config: [
        "model_type": "mistral", "hidden_size": 12288, "intermediate_size": 28672, "num_hidden_layers": 88,
        "num_attention_heads": 96, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 32768,
        "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 1_000_000, "sliding_window": nil,
        "torch_dtype": "bfloat16",
      ]),
    Preset(
      "mixtral-8x7b", "mistralai/Mixtral-8x7B-v0.1", .exact(46_702_792_704),
      aliases: ["mistralai/Mixtral-8x7B-Instruct-v0.1"],
      config: [
        "model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "num_local_experts": 8, "num_experts_per_tok": 2,
        "vocab_size": 32000, "max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "rope_theta": 1_000_000,
        "sliding_window": nil, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "mixtral-8x22b", "mistralai/Mixtral-8x22B-v0.1", .exact(140_620_634_112),
      config: [
        "model_type": "mixtral", "hidden_size": 6144, "intermediate_size": 16384, "num_hidden_layers": 56,
        "num_attention_heads": 48, "num_key_value_heads": 8, "num_local_experts": 8, "num_experts_per_tok": 2,
        "vocab_size": 32000, "max_position_embeddings": 65536, "rms_norm_eps": 1e-5, "rope_theta": 1_000_000,
        "sliding_window": nil, "torch_dtype": "bfloat16",
      ]),
  ]
}
