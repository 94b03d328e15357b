extension Presets {
  /// Meta's Llama models and Code Llama.
  static let llama: [Preset] = [
    Preset(
      "llama-7b", "huggyllama/llama-7b", .exact(6_738_415_616),
      config: [
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 32000, "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-6, "torch_dtype": "float16",
      ]),
    Preset(
      "llama-13b", "huggyllama/llama-13b", .exact(13_015_864_320),
      config: [
        "model_type": "llama", "hidden_size": 5120, "intermediate_size": 13824, "num_hidden_layers": 40,
        "num_attention_heads": 40, "num_key_value_heads": 40, "vocab_size": 32000, "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-6, "torch_dtype": "float16",
      ]),
    Preset(
      "llama-30b", "huggyllama/llama-30b", .exact(32_528_943_616),
      config: [
        "model_type": "llama", "hidden_size": 6656, "intermediate_size": 17920, "num_hidden_layers": 60,
        "num_attention_heads": 52, "num_key_value_heads": 52, "vocab_size": 32000, "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-6, "torch_dtype": "float16",
      ]),
    Preset(
      "llama-65b", "huggyllama/llama-65b", .exact(65_285_660_672),
      config: [
        "model_type": "llama", "hidden_size": 8192, "intermediate_size": 22016, "num_hidden_layers": 80,
        "num_attention_heads": 64, "num_key_value_heads": 64, "vocab_size": 32000, "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-5, "torch_dtype": "float16",
      ]),
    Preset(
      "llama-2-7b", "meta-llama/Llama-2-7b-hf", .exact(6_738_415_616),
      aliases: ["meta-llama/Llama-2-7b-chat-hf", "lmsys/vicuna-7b-v1.5"],
      config: [
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 32000, "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5, "torch_dtype": "float16",
      ]),
    Preset(
      "llama-2-13b", "meta-llama/Llama-2-13b-hf", .exact(13_015_864_320),
      aliases: ["meta-llama/Llama-2-13b-chat-hf", "lmsys/vicuna-13b-v1.5"],
      config: [
        "model_type": "llama", "hidden_size": 5120, "intermediate_size": 13824, "num_hidden_layers": 40,
        "num_attention_heads": 40, "num_key_value_heads": 40, "vocab_size": 32000, "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5, "torch_dtype": "float16",
      ]),
    Preset(
      "llama-2-70b", "meta-llama/Llama-2-70b-hf", .exact(68_976_648_192),
      aliases: ["meta-llama/Llama-2-70b-chat-hf"],
      config: [
        "model_type": "llama", "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80,
        "num_attention_heads": 64, "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5, "torch_dtype": "float16",
      ]),
    Preset(
      "code-llama-7b", "codellama/CodeLlama-7b-hf", .exact(6_738_546_688),
      aliases: ["codellama/CodeLlama-7b-Instruct-hf"],
      config: [
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 32016, "max_position_embeddings": 16384,
        "rms_norm_eps": 1e-5, "rope_theta": 1_000_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "code-llama-13b", "codellama/CodeLlama-13b-hf", .exact(13_016_028_160),
      aliases: ["codellama/CodeLlama-13b-Instruct-hf"],
      config: [
        "model_type": "llama", "hidden_size": 5120, "intermediate_size": 13824, "num_hidden_layers": 40,
        "num_attention_heads": 40, "num_key_value_heads": 40, "vocab_size": 32016, "max_position_embeddings": 16384,
        "rms_norm_eps": 1e-5, "rope_theta": 1_000_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "code-llama-34b", "codellama/CodeLlama-34b-hf", .exact(33_743_970_304),
      aliases: ["codellama/CodeLlama-34b-Instruct-hf"],
      config: [
        "model_type": "llama", "hidden_size": 8192, "intermediate_size": 22016, "num_hidden_layers": 48,
        "num_attention_heads": 64, "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 16384,
        "rms_norm_eps": 1e-5, "rope_theta": 1_000_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "llama-3-8b", "meta-llama/Meta-Llama-3-8B", .exact(8_030_261_248),
      aliases: ["meta-llama/Meta-Llama-3-8B-Instruct"],
      config: [
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5, "rope_theta": 500_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "llama-3-70b", "meta-llama/Meta-Llama-3-70B", .exact(70_553_706_496),
      aliases: ["meta-llama/Meta-Llama-3-70B-Instruct"],
      config: [
        "model_type": "llama", "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80,
        "num_attention_heads": 64, "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5, "rope_theta": 500_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "llama-3.1-8b", "meta-llama/Llama-3.1-8B", .exact(8_030_261_248),
      aliases: [
        "meta-llama/Meta-Llama-3.1-8B", "meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Meta-Llama-3.1-8B-Instruct",
        "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
      ],
      config: [
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5, "rope_theta": 500_000,
        "rope_scaling": [
          "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192,
        ],
        "torch_dtype": "bfloat16",
      ]),
    Preset(
      "llama-3.1-70b", "meta-llama/Llama-3.1-70B", .exact(70_553_706_496),
      aliases: [
        "meta-llama/Meta-Llama-3.1-70B", "meta-llama/Llama-3.1-70B-Instruct",
        "meta-llama/Meta-Llama-3.1-70B-Instruct",
      ],
      config: [
        "model_type": "llama", "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80,
        "num_attention_heads": 64, "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5, "rope_theta": 500_000,
        "rope_scaling": [
          "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192,
        ],
        "torch_dtype": "bfloat16",
      ]),
    Preset(
      "llama-3.1-405b", "meta-llama/Llama-3.1-405B", .exact(405_853_388_800),
      aliases: ["meta-llama/Meta-Llama-3.1-405B", "meta-llama/Llama-3.1-405B-Instruct"],
      config: [
        "model_type": "llama", "hidden_size": 16384, "intermediate_size": 53248, "num_hidden_layers": 126,
        "num_attention_heads": 128, "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5, "rope_theta": 500_000,
        "rope_scaling": [
          "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192,
        ],
        "torch_dtype": "bfloat16",
      ]),
    Preset(
      "llama-3.2-1b", "meta-llama/Llama-3.2-1B", .exact(1_235_814_400),
      aliases: ["meta-llama/Llama-3.2-1B-Instruct"],
      config: [
        "model_type": "llama", "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 128256,
        "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 500_000,
        "rope_scaling": [
          "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192,
        ],
        "tie_word_embeddings": true, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "llama-3.2-3b", "meta-llama/Llama-3.2-3B", .exact(3_212_749_824),
      aliases: ["meta-llama/Llama-3.2-3B-Instruct"],
      config: [
        "model_type": "llama", "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 28,
        "num_attention_heads": 24, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 128256,
        "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 500_000,
        "rope_scaling": [
          "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192,
        ],
        "tie_word_embeddings": true, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "llama-3.3-70b", "meta-llama/Llama-3.3-70B-Instruct", .exact(70_553_706_496),
      config: [
        "model_type": "llama", "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80,
        "num_attention_heads": 64, "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5, "rope_theta": 500_000,
        "rope_scaling": [
          "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192,
        ],
        "torch_dtype": "bfloat16",
      ]),
  ]
}
