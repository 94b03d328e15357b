extension Presets {
  /// EleutherAI's Pythia suite.
  ///
  /// The counts are the suite's own table (<https://github.com/EleutherAI/pythia>): the repositories' safetensors also hold buffers.
  static let pythia: [Preset] = [
    Preset(
      "pythia-70m", "EleutherAI/pythia-70m", .exact(70_426_624),
      aliases: ["EleutherAI/pythia-70m-deduped"],
      config: [
        "model_type": "gpt_neox", "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 6,
        "num_attention_heads": 8, "vocab_size": 50304, "max_position_embeddings": 2048, "rotary_pct": 0.25,
        "rotary_emb_base": 10000, "layer_norm_eps": 1e-5, "torch_dtype": "float16",
      ]),
    Preset(
      "pythia-160m", "EleutherAI/pythia-160m", .exact(162_322_944),
      aliases: ["EleutherAI/pythia-160m-deduped"],
      config: [
        "model_type": "gpt_neox", "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
        "num_attention_heads": 12, "vocab_size": 50304, "max_position_embeddings": 2048, "rotary_pct": 0.25,
        "rotary_emb_base": 10000, "layer_norm_eps": 1e-5, "torch_dtype": "float16",
      ]),
    Preset(
      "pythia-410m", "EleutherAI/pythia-410m", .exact(405_334_016),
      aliases: ["EleutherAI/pythia-410m-deduped"],
      config: [
        "model_type": "gpt_neox", "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
        "num_attention_heads": 16, "vocab_size": 50304, "max_position_embeddings": 2048, "rotary_pct": 0.25,
        "rotary_emb_base": 10000, "layer_norm_eps": 1e-5, "torch_dtype": "float16",
      ]),
    Preset(
      "pythia-1b", "EleutherAI/pythia-1b", .exact(1_011_781_632),
      aliases: ["EleutherAI/pythia-1b-deduped"],
      config: [
        "model_type": "gpt_neox", "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
        "num_attention_heads": 8, "vocab_size": 50304, "max_position_embeddings": 2048, "rotary_pct": 0.25,
        "rotary_emb_base": 10000, "layer_norm_eps": 1e-5, "torch_dtype": "float16",
      ]),
    Preset(
      "pythia-1.4b", "EleutherAI/pythia-1.4b", .exact(1_414_647_808),
      aliases: ["EleutherAI/pythia-1.4b-deduped"],
      config: [
        "model_type": "gpt_neox", "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 24,
        "num_attention_heads": 16, "vocab_size": 50304, "max_position_embeddings": 2048, "rotary_pct": 0.25,
        "rotary_emb_base": 10000, "layer_norm_eps": 1e-5, "torch_dtype": "float16",
      ]),
    Preset(
      "pythia-2.8b", "EleutherAI/pythia-2.8b", .exact(2_775_208_960),
      aliases: ["EleutherAI/pythia-2.8b-deduped"],
      config: [
        "model_type": "gpt_neox", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 32,
        "num_attention_heads": 32, "vocab_size": 50304, "max_position_embeddings": 2048, "rotary_pct": 0.25,
        "rotary_emb_base": 10000, "layer_norm_eps": 1e-5, "torch_dtype": "float16",
      ]),
    Preset(
      "pythia-6.9b", "EleutherAI/pythia-6.9b", .exact(6_857_302_016),
      aliases: ["EleutherAI/pythia-6.9b-deduped"],
      config: [
        "model_type": "gpt_neox", "hidden_size": 4096, "intermediate_size": 16384, "num_hidden_layers": 32,
        "num_attention_heads": 32, "vocab_size": 50432, "max_position_embeddings": 2048, "rotary_pct": 0.25,
        "rotary_emb_base": 10000, "layer_norm_eps": 1e-5, "torch_dtype": "float16",
      ]),
    Preset(
      "pythia-12b", "EleutherAI/pythia-12b", .exact(11_846_072_320),
      aliases: ["EleutherAI/pythia-12b-deduped"],
      config: [
        "model_type": "gpt_neox", "hidden_size": 5120, "intermediate_size": 20480, "num_hidden_layers": 36,
        "num_attention_heads": 40, "vocab_size": 50688, "max_position_embeddings": 2048, "rotary_pct": 0.25,
        "rotary_emb_base": 10000, "layer_norm_eps": 1e-5, "torch_dtype": "float16",
      ]),
  ]
}
