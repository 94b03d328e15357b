extension Presets {
  /// The preset that a size alone stands for: `7b` is Llama 2's 7B, because most published measurements are of it.
  public static func standing(forSize text: String) -> Preset? {
    sizes[text.lowercased()].flatMap(named)
  }

  /// Whether a text looks like a size: digits, perhaps a point, and `m` or `b`.
  static func isSize(_ text: String) -> Bool {
    guard let unit = text.lowercased().last, unit == "b" || unit == "m" else { return false }
    let figure = text.dropLast()
    return figure.first?.isNumber == true && figure.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
  }

  /// One preset a size; where several models share it, the one that most people train.
  static let sizes: [String: String] = [
    "70m": "pythia-70m", "124m": "gpt2-124m", "135m": "smollm2-135m", "160m": "pythia-160m", "355m": "gpt2-355m",
    "360m": "smollm2-360m", "410m": "pythia-410m", "0.5b": "qwen2.5-0.5b", "500m": "qwen2.5-0.5b",
    "0.6b": "qwen3-0.6b", "600m": "qwen3-0.6b", "774m": "gpt2-774m", "1b": "llama-3.2-1b", "1.1b": "tinyllama-1.1b",
    "1.4b": "pythia-1.4b", "1.5b": "qwen2.5-1.5b", "1.7b": "smollm2-1.7b", "2b": "gemma-2-2b", "2.7b": "phi-2",
    "2.8b": "pythia-2.8b", "3b": "llama-3.2-3b", "3.8b": "phi-3-mini", "4b": "qwen3-4b", "6b": "yi-6b",
    "6.9b": "pythia-6.9b", "7b": "llama-2-7b", "8b": "llama-3.1-8b", "9b": "gemma-2-9b", "10.7b": "solar-10.7b",
    "12b": "mistral-nemo-12b", "13b": "llama-2-13b", "14b": "qwen2.5-14b", "22b": "codestral-22b",
    "24b": "mistral-small-24b", "27b": "gemma-2-27b", "30b": "qwen3-30b-a3b", "32b": "qwen2.5-32b",
    "33b": "llama-30b", "34b": "code-llama-34b", "65b": "llama-65b", "70b": "llama-2-70b", "72b": "qwen2.5-72b",
    "123b": "mistral-large-123b", "235b": "qwen3-235b-a22b", "405b": "llama-3.1-405b",
  ]
}
