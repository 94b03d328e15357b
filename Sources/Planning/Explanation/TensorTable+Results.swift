extension TensorTable {
  /// What projections make, by what reads it: the sentence that an adapter's or a quantized layer's parts don't need.
  static let results: [String: TensorRule] = {
    let layer = "transformers models/llama/modeling_llama.py, "
    let attention = layer + "LlamaAttention.forward"
    let network = layer + "LlamaMLP.forward"
    return [
      "q": TensorRule(
        .tokens(.q), "queries as projected: alive until they are rotated; attention keeps them where nothing rotates",
        attention),
      "k": TensorRule(
        .tokens(.k), "keys as projected: alive until they are rotated; attention keeps them where nothing rotates",
        attention),
      "v": TensorRule(.tokens(.k), "values: attention keeps them for the gradient of its probabilities", attention),
      "qkv": TensorRule(
        .tokens(.sum([.q, .twice(.k)])), "queries, keys and values of one product: kept as long as one of the three is",
        "transformers models/phi3/modeling_phi3.py, Phi3Attention.forward"),
      "attention_output": TensorRule(
        .tokens(.H), "attention's result projected back: alive until it is added to the residual stream", attention),
      "gate": TensorRule(
        .tokens(.I), "the gate as projected: the activation keeps its input for its own gradient", network),
      "up": TensorRule(
        .tokens(.I), "up as projected: the product keeps both factors; without a gate, the activation its input",
        network),
      "gate_up": TensorRule(
        .tokens(.twice(.I)), "gate and up of one product: the activation keeps the one half, the product the other",
        "transformers models/phi3/modeling_phi3.py, Phi3MLP.forward"),
      "down": TensorRule(
        .tokens(.H), "the network's result projected back: alive until it is added to the residual stream", network),
    ]
  }()
}
