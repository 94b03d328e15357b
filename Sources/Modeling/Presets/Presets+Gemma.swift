extension Presets {
  /// Google's Gemma models; of the multimodal ones, the decoder.
  ///
  /// The published totals of the larger Gemma 3 models include a vision tower and its projector, which no decoder has.
  static let gemma: [Preset] = [
    Preset(
      "gemma-2b", "google/gemma-2b", .exact(2_506_172_416),
      aliases: ["google/gemma-2b-it"],
      config: [
        "model_type": "gemma", "hidden_size": 2048, "intermediate_size": 16384, "num_hidden_layers": 18,
        "num_attention_heads": 8, "num_key_value_heads": 1, "head_dim": 256, "vocab_size": 256000,
        "max_position_embeddings": 8192, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "gemma-7b", "google/gemma-7b", .exact(8_537_680_896),
      aliases: ["google/gemma-7b-it"],
      config: [
        "model_type": "gemma", "hidden_size": 3072, "intermediate_size": 24576, "num_hidden_layers": 28,
        "num_attention_heads": 16, "num_key_value_heads": 16, "head_dim": 256, "vocab_size": 256000,
        "max_position_embeddings": 8192, "torch_dtype": "bfloat16",
      ]),
    Preset(
      "gemma-2-2b", "google/gemma-2-2b", .exact(2_614_341_888),
      aliases: ["google/gemma-2-2b-it"],
      config: [
        "model_type": "gemma2", "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
        "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "vocab_size": 256000,
        "max_position_embeddings": 8192, "sliding_window": 4096, "query_pre_attn_scalar": 256,
        "torch_dtype": "bfloat16",
      ]),
    Preset(
      "gemma-2-9b", "google/gemma-2-9b", .exact(9_241_705_984),
      aliases: ["google/gemma-2-9b-it"],
      config: [
        "model_type": "gemma2", "hidden_size": 3584, "intermediate_size": 14336, "num_hidden_layers": 42,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 256, "vocab_size": 256000,
        "max_position_embeddings": 8192, "sliding_window": 4096, "query_pre_attn_scalar": 256,
        "torch_dtype": "bfloat16",
      ]),
    Preset(
      "gemma-2-27b", "google/gemma-2-27b", .exact(27_227_128_320),
      aliases: ["google/gemma-2-27b-it"],
      config: [
        "model_type": "gemma2", "hidden_size": 4608, "intermediate_size": 36864, "num_hidden_layers": 46,
        "num_attention_heads": 32, "num_key_value_heads": 16, "head_dim": 128, "vocab_size": 256000,
        "max_position_embeddings": 8192, "sliding_window": 4096, "query_pre_attn_scalar": 144,
        "torch_dtype": "bfloat16",
      ]),
    Preset(
      "gemma-3-1b", "google/gemma-3-1b-pt", .exact(999_885_952),
      aliases: ["google/gemma-3-1b-it"],
      config: [
        "model_type": "gemma3_text", "hidden_size": 1152, "intermediate_size": 6912, "num_hidden_layers": 26,
        "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256, "vocab_size": 262144,
        "max_position_embeddings": 32768, "sliding_window": 512, "query_pre_attn_scalar": 256,
        "torch_dtype": "bfloat16",
      ]),
    Preset(
      "gemma-3-4b", "google/gemma-3-4b-pt", .exact(4_300_079_472, outsideDecoder: 419_816_304),
      aliases: ["google/gemma-3-4b-it"],
      config: [
        "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
        "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "vocab_size": 262208,
        "max_position_embeddings": 131072, "sliding_window": 1024, "query_pre_attn_scalar": 256,
        "rope_scaling": ["rope_type": "linear", "factor": 8.0], "torch_dtype": "bfloat16",
      ]),
    Preset(
      "gemma-3-12b", "google/gemma-3-12b-pt", .exact(12_187_325_040, outsideDecoder: 421_290_864),
      aliases: ["google/gemma-3-12b-it"],
      config: [
        "model_type": "gemma3_text", "hidden_size": 3840, "intermediate_size": 15360, "num_hidden_layers": 48,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 256, "vocab_size": 262208,
        "max_position_embeddings": 131072, "sliding_window": 1024, "query_pre_attn_scalar": 256,
        "rope_scaling": ["rope_type": "linear", "factor": 8.0], "torch_dtype": "bfloat16",
      ]),
    Preset(
      "gemma-3-27b", "google/gemma-3-27b-pt", .exact(27_432_406_640, outsideDecoder: 423_060_336),
      aliases: ["google/gemma-3-27b-it"],
      config: [
        "model_type": "gemma3_text", "hidden_size": 5376, "intermediate_size": 21504, "num_hidden_layers": 62,
        "num_attention_heads": 32, "num_key_value_heads": 16, "head_dim": 128, "vocab_size": 262208,
        "max_position_embeddings": 131072, "sliding_window": 1024, "query_pre_attn_scalar": 168,
        "rope_scaling": ["rope_type": "linear", "factor": 8.0], "torch_dtype": "bfloat16",
      ]),
  ]
}
