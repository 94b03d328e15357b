extension TensorTable {
  /// What products that several GPUs divide make besides.
  static let tensorParallel: [String: TensorRule] = {
    let layers = "transformers distributed/tensor_parallel.py, "
    let lookup = "megatron/core/tensor_parallel/layers.py, VocabParallelEmbedding.forward"
    return [
      "{linear}.partial": TensorRule(
        .output, "this GPU's part of a result, before the parts of all are summed", layers + "RowwiseParallel"),
      "logits.own": TensorRule(
        .fixed([[.b, .s, .V]]), "scores of this GPU's rows of the vocabulary, before they are gathered",
        layers + "ColwiseParallel (colwise_gather_output)"),
      "logits.parts": TensorRule(
        .fixed([[.product([.t, .b]), .s, .V]]), "every GPU's scores as gathered, before they are put side by side",
        "torch distributed/_functional_collectives.py, all_gather_tensor"),
      "embedding.partial": TensorRule(
        .tokens(.H), "tokens looked up in this GPU's rows, before the parts of all are summed",
        layers + "EmbeddingParallel"),
      "embedding.masked_tokens": TensorRule(
        .b, .s, because: "token ids among this GPU's rows: kept by the lookup", lookup),
      "embedding.token_mask": TensorRule(
        .b, .s, because: "which tokens are among other GPUs' rows: kept where their rows are zeroed", lookup),
      "embedding.scattered": TensorRule(
        .tokens(.H), "this GPU's tokens of what was embedded, before dropout",
        "megatron/core/tensor_parallel/mappings.py, scatter_to_sequence_parallel_region"),
      "megatron.gather_buffer": TensorRule(
        .b, .s, .H, because: "the buffer that the head gathers its input's tokens in, kept for good",
        "megatron/core/utils.py, GlobalMemoryBuffer"),
      "megatron.shared_gradients": TensorRule(
        .workspace, "gradients of norms, and of biases of sums, while they are summed over GPUs",
        "megatron/core/distributed/finalize_model_grads.py, _allreduce_non_tensor_model_parallel_grads"),
    ]
  }()
}
