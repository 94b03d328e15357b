extension Presets {
  /// OpenAI's GPT-2.
  static let gpt2: [Preset] = [
    Preset(
      "gpt2-124m", "openai-community/gpt2", .exact(124_439_808),
      config: [
        "model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024, "vocab_size": 50257,
        "layer_norm_epsilon": 1e-5, "torch_dtype": "float32",
      ]),
    Preset(
      "gpt2-355m", "openai-community/gpt2-medium", .exact(354_823_168),
      config: [
        "model_type": "gpt2", "n_embd": 1024, "n_layer": 24, "n_head": 16, "n_positions": 1024, "vocab_size": 50257,
        "layer_norm_epsilon": 1e-5, "torch_dtype": "float32",
      ]),
    Preset(
      "gpt2-774m", "openai-community/gpt2-large", .exact(774_030_080),
      config: [
        "model_type": "gpt2", "n_embd": 1280, "n_layer": 36, "n_head": 20, "n_positions": 1024, "vocab_size": 50257,
        "layer_norm_epsilon": 1e-5, "torch_dtype": "float32",
      ]),
    Preset(
      "gpt2-1.5b", "openai-community/gpt2-xl", .exact(1_557_611_200),
      config: [
        "model_type": "gpt2", "n_embd": 1600, "n_layer": 48, "n_head": 25, "n_positions": 1024, "vocab_size": 50257,
        "layer_norm_epsilon": 1e-5, "torch_dtype": "float32",
      ]),
  ]
}
