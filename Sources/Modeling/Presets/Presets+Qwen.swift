extension Presets {
  /// Alibaba's Qwen models, and models distilled into them.
  ///
  /// Some tied Qwen3 repositories store the head a second time, which the count does not repeat.
  static let qwen: [Preset] = [
    Preset(
      "qwen-1.8b", "Qwen/Qwen-1_8B", .exact(1_836_828_672),
      aliases: ["Qwen/Qwen-1_8B-Chat"],
      config: [
        "model_type": "qwen", "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 24,
        "num_attention_heads": 16, "kv_channels": 128, "vocab_size": 151936, "seq_length": 8192,
        "layer_norm_epsilon": 1e-6, "rotary_emb_base": 10000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen-7b", "Qwen/Qwen-7B", .exact(7_721_324_544),
      aliases: ["Qwen/Qwen-7B-Chat", "Qwen/Qwen-7B-Chat-Int4"],
      config: [
        "model_type": "qwen", "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32,
        "num_attention_heads": 32, "kv_channels": 128, "vocab_size": 151936, "seq_length": 8192,
        "layer_norm_epsilon": 1e-6, "rotary_emb_base": 10000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen-14b", "Qwen/Qwen-14B", .exact(14_167_290_880),
      aliases: ["Qwen/Qwen-14B-Chat"],
      config: [
        "model_type": "qwen", "hidden_size": 5120, "intermediate_size": 27392, "num_hidden_layers": 40,
        "num_attention_heads": 40, "kv_channels": 128, "vocab_size": 152064, "seq_length": 8192,
        "layer_norm_epsilon": 1e-6, "rotary_emb_base": 10000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen1.5-moe-a2.7b", "Qwen/Qwen1.5-MoE-A2.7B", .exact(14_315_784_192),
      aliases: ["Qwen/Qwen1.5-MoE-A2.7B-Chat"],
      config: [
        "model_type": "qwen2_moe", "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 24,
        "num_attention_heads": 16, "num_key_value_heads": 16, "num_experts": 60, "num_experts_per_tok": 4,
        "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632, "norm_topk_prob": false,
        "vocab_size": 151936, "max_position_embeddings": 8192, "rms_norm_eps": 1e-6, "rope_theta": 1_000_000,
        "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B", .exact(494_032_768),
      aliases: ["Qwen/Qwen2.5-0.5B-Instruct"],
      config: [
        "model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
        "num_attention_heads": 14, "num_key_value_heads": 2, "vocab_size": 151936, "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-6, "rope_theta": 1_000_000, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen2.5-1.5b", "Qwen/Qwen2.5-1.5B", .exact(1_543_714_304),
      aliases: ["Qwen/Qwen2.5-1.5B-Instruct", "Qwen/Qwen2.5-Coder-1.5B", "Qwen/Qwen2.5-Coder-1.5B-Instruct"],
      config: [
        "model_type": "qwen2", "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28,
        "num_attention_heads": 12, "num_key_value_heads": 2, "vocab_size": 151936, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-6, "rope_theta": 1_000_000, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen2.5-3b", "Qwen/Qwen2.5-3B", .exact(3_085_938_688),
      aliases: ["Qwen/Qwen2.5-3B-Instruct"],
      config: [
        "model_type": "qwen2", "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36,
        "num_attention_heads": 16, "num_key_value_heads": 2, "vocab_size": 151936, "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-6, "rope_theta": 1_000_000, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen2.5-7b", "Qwen/Qwen2.5-7B", .exact(7_615_616_512),
      aliases: ["Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-Coder-7B", "Qwen/Qwen2.5-Coder-7B-Instruct"],
      config: [
        "model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
        "num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152064, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-6, "rope_theta": 1_000_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen2.5-14b", "Qwen/Qwen2.5-14B", .exact(14_770_033_664),
      aliases: ["Qwen/Qwen2.5-14B-Instruct"],
      config: [
        "model_type": "qwen2", "hidden_size": 5120, "intermediate_size": 13824, "num_hidden_layers": 48,
        "num_attention_heads": 40, "num_key_value_heads": 8, "vocab_size": 152064, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5, "rope_theta": 1_000_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen2.5-32b", "Qwen/Qwen2.5-32B", .exact(32_763_876_352),
      aliases: ["Qwen/Qwen2.5-32B-Instruct", "Qwen/QwQ-32B"],
      config: [
        "model_type": "qwen2", "hidden_size": 5120, "intermediate_size": 27648, "num_hidden_layers": 64,
        "num_attention_heads": 40, "num_key_value_heads": 8, "vocab_size": 152064, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5, "rope_theta": 1_000_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen2.5-72b", "Qwen/Qwen2.5-72B", .exact(72_706_203_648),
      aliases: ["Qwen/Qwen2.5-72B-Instruct"],
      config: [
        "model_type": "qwen2", "hidden_size": 8192, "intermediate_size": 29568, "num_hidden_layers": 80,
        "num_attention_heads": 64, "num_key_value_heads": 8, "vocab_size": 152064, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5, "rope_theta": 1_000_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen3-0.6b", "Qwen/Qwen3-0.6B", .exact(596_049_920),
      aliases: ["Qwen/Qwen3-0.6B-Base"],
      config: [
        "model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
        "max_position_embeddings": 40960, "rms_norm_eps": 1e-6, "rope_theta": 1_000_000, "tie_word_embeddings": true,
        "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen3-1.7b", "Qwen/Qwen3-1.7B", .exact(1_720_574_976),
      aliases: ["Qwen/Qwen3-1.7B-Base"],
      config: [
        "model_type": "qwen3", "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
        "max_position_embeddings": 40960, "rms_norm_eps": 1e-6, "rope_theta": 1_000_000, "tie_word_embeddings": true,
        "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen3-4b", "Qwen/Qwen3-4B", .exact(4_022_468_096),
      aliases: ["Qwen/Qwen3-4B-Base"],
      config: [
        "model_type": "qwen3", "hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
        "max_position_embeddings": 40960, "rms_norm_eps": 1e-6, "rope_theta": 1_000_000, "tie_word_embeddings": true,
        "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen3-8b", "Qwen/Qwen3-8B", .exact(8_190_735_360),
      aliases: ["Qwen/Qwen3-8B-Base"],
      config: [
        "model_type": "qwen3", "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
        "max_position_embeddings": 40960, "rms_norm_eps": 1e-6, "rope_theta": 1_000_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen3-14b", "Qwen/Qwen3-14B", .exact(14_768_307_200),
      aliases: ["Qwen/Qwen3-14B-Base"],
      config: [
        "model_type": "qwen3", "hidden_size": 5120, "intermediate_size": 17408, "num_hidden_layers": 40,
        "num_attention_heads": 40, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
        "max_position_embeddings": 40960, "rms_norm_eps": 1e-6, "rope_theta": 1_000_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen3-32b", "Qwen/Qwen3-32B", .exact(32_762_123_264),
      config: [
        "model_type": "qwen3", "hidden_size": 5120, "intermediate_size": 25600, "num_hidden_layers": 64,
        "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
        "max_position_embeddings": 40960, "rms_norm_eps": 1e-6, "rope_theta": 1_000_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen3-30b-a3b", "Qwen/Qwen3-30B-A3B", .exact(30_532_122_624),
      config: [
        "model_type": "qwen3_moe", "norm_topk_prob": true, "hidden_size": 2048, "intermediate_size": 6144,
        "moe_intermediate_size": 768,
        "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48, "num_attention_heads": 32,
        "num_key_value_heads": 4, "head_dim": 128, "vocab_size": 151936, "max_position_embeddings": 40960,
        "rms_norm_eps": 1e-6, "rope_theta": 1_000_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen3-235b-a22b", "Qwen/Qwen3-235B-A22B", .exact(235_093_634_560),
      config: [
        "model_type": "qwen3_moe", "norm_topk_prob": true, "hidden_size": 4096, "intermediate_size": 12288,
        "moe_intermediate_size": 1536,
        "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 94, "num_attention_heads": 64,
        "num_key_value_heads": 4, "head_dim": 128, "vocab_size": 151936, "max_position_embeddings": 40960,
        "rms_norm_eps": 1e-6, "rope_theta": 1_000_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "deepseek-r1-distill-qwen-1.5b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", .exact(1_777_088_000),
      config: [
        "model_type": "qwen2", "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28,
        "num_attention_heads": 12, "num_key_value_heads": 2, "vocab_size": 151936, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-6, "rope_theta": 10000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen2-0.5b", "Qwen/Qwen2-0.5B", .exact(494_032_768),
      aliases: ["Qwen/Qwen2-0.5B-Instruct"],
      config: [
        "model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
        "num_attention_heads": 14, "num_key_value_heads": 2, "vocab_size": 151936, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-6, "rope_theta": 1_000_000, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen2-1.5b", "Qwen/Qwen2-1.5B", .exact(1_543_714_304),
      aliases: ["Qwen/Qwen2-1.5B-Instruct"],
      config: [
        "model_type": "qwen2", "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28,
        "num_attention_heads": 12, "num_key_value_heads": 2, "vocab_size": 151936, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-6, "rope_theta": 1_000_000, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen2-7b", "Qwen/Qwen2-7B", .exact(7_615_616_512),
      aliases: ["Qwen/Qwen2-7B-Instruct"],
      config: [
        "model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
        "num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152064, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-6, "rope_theta": 1_000_000, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "qwen2-72b", "Qwen/Qwen2-72B", .exact(72_706_203_648),
      aliases: ["Qwen/Qwen2-72B-Instruct"],
      config: [
        "model_type": "qwen2", "hidden_size": 8192, "intermediate_size": 29568, "num_hidden_layers": 80,
        "num_attention_heads": 64, "num_key_value_heads": 8, "vocab_size": 152064, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5, "rope_theta": 1_000_000, "torch_dtype": "bfloat16",
      ]),
  ]
}
