extension Presets {
  /// Models of other makers that have Llama's architecture.
  static let llamaLike: [Preset] = [
    Preset(
      "smollm2-135m", "HuggingFaceTB/SmolLM2-135M", .exact(134_515_008),
      aliases: ["HuggingFaceTB/SmolLM2-135M-Instruct"],
      config: [
        "model_type": "llama", "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
        "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152, "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5, "rope_theta": 100_000, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "smollm2-360m", "HuggingFaceTB/SmolLM2-360M", .exact(361_821_120),
      aliases: ["HuggingFaceTB/SmolLM2-360M-Instruct"],
      config: [
        "model_type": "llama", "hidden_size": 960, "intermediate_size": 2560, "num_hidden_layers": 32,
        "num_attention_heads": 15, "num_key_value_heads": 5, "vocab_size": 49152, "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5, "rope_theta": 100_000, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "smollm2-1.7b", "HuggingFaceTB/SmolLM2-1.7B", .exact(1_711_376_384),
      aliases: ["HuggingFaceTB/SmolLM2-1.7B-Instruct"],
      config: [
        "model_type": "llama", "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 24,
        "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 49152, "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5, "rope_theta": 130_000, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "tinyllama-1.1b", "TinyLlama/TinyLlama-1.1B-Chat-v1.0", .exact(1_100_048_384),
      aliases: ["TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T"],
      config: [
        "model_type": "llama", "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 22,
        "num_attention_heads": 32, "num_key_value_heads": 4, "vocab_size": 32000, "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-5, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "open-llama-3b", "openlm-research/open_llama_3b", .exact(3_426_473_600),
      config: [
        "model_type": "llama", "hidden_size": 3200, "intermediate_size": 8640, "num_hidden_layers": 26,
        "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 32000, "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-6, "torch_dtype": "float16",
      ]),
    Preset(
      "yi-6b", "01-ai/Yi-6B", .exact(6_061_035_520),
      aliases: ["01-ai/Yi-6B-Chat"],
      config: [
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 4, "vocab_size": 64000, "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5, "rope_theta": 5_000_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "yi-9b", "01-ai/Yi-9B", .exact(8_829_407_232),
      config: [
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 48,
        "num_attention_heads": 32, "num_key_value_heads": 4, "vocab_size": 64000, "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-6, "rope_theta": 10000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "yi-34b", "01-ai/Yi-34B", .exact(34_388_917_248),
      aliases: ["01-ai/Yi-34B-Chat"],
      config: [
        "model_type": "llama", "hidden_size": 7168, "intermediate_size": 20480, "num_hidden_layers": 60,
        "num_attention_heads": 56, "num_key_value_heads": 8, "vocab_size": 64000, "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5, "rope_theta": 5_000_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "deepseek-llm-7b", "deepseek-ai/deepseek-llm-7b-base", .exact(6_910_365_696),
      aliases: ["deepseek-ai/deepseek-llm-7b-chat"],
      config: [
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 30,
        "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 102400, "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-6, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "solar-10.7b", "upstage/SOLAR-10.7B-v1.0", .exact(10_731_524_096),
      aliases: ["upstage/SOLAR-10.7B-Instruct-v1.0"],
      config: [
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 48,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5, "torch_dtype": "float16",
      ]),
    Preset(
      "falcon3-1b", "tiiuae/Falcon3-1B-Base", .rounded(1_670_000_000, toNearest: 10_000_000),
      aliases: ["tiiuae/Falcon3-1B-Instruct"],
      config: [
        "model_type": "llama", "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 18,
        "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "vocab_size": 131072,
        "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 1_000_042, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "falcon3-7b", "tiiuae/Falcon3-7B-Base", .rounded(7_460_000_000, toNearest: 10_000_000),
      aliases: ["tiiuae/Falcon3-7B-Instruct"],
      config: [
        "model_type": "llama", "hidden_size": 3072, "intermediate_size": 23040, "num_hidden_layers": 28,
        "num_attention_heads": 12, "num_key_value_heads": 4, "head_dim": 256, "vocab_size": 131072,
        "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 1_000_042, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "falcon3-10b", "tiiuae/Falcon3-10B-Base", .rounded(10_300_000_000, toNearest: 100_000_000),
      aliases: ["tiiuae/Falcon3-10B-Instruct"],
      config: [
        "model_type": "llama", "hidden_size": 3072, "intermediate_size": 23040, "num_hidden_layers": 40,
        "num_attention_heads": 12, "num_key_value_heads": 4, "head_dim": 256, "vocab_size": 131072,
        "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 1_000_042, "torch_dtype": "bfloat16",
      ]),
  ]
}
