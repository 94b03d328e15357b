extension TensorTable {
  /// Head and loss.
  static let head: [String: TensorRule] = {
    let causal = "transformers loss/loss_utils.py, ForCausalLMLoss"
    let entropy = "torch derivatives.yaml, _log_softmax and nll_loss"
    let fused = "trl kernels/chunked_logprob.py, ChunkedLogProbFunction"
    // torchtune's eighths differ by a token where eight doesn't divide the tokens.
    let eighths: [[Extent]] = [[.part(.T, of: 8), .V], [.blocks(.T, of: 8), .V]]
    // Our own engine makes the scores of 512 tokens at a time, its fused loss those over 8192 entries.
    let chunks: [[Extent]] = eighths + [[.least(.T, 512), .V], [.least(.T, 512), .least(.V, 8192)]]
    let scores: TensorRule.Form = .fixed(
      [[.b, .s, .V], [.T, .V], [.b, .s, .blocks128(.V)], [.b, .s, .product([.t, .V])]] + chunks)
    var rules: [String: TensorRule] = [
      "logits": TensorRule(
        scores, "scores of the whole vocabulary: alive until the loss is made, and as long as the output is held",
        causal),
      "logits.input.autocast": TensorRule(.tokens(.H), "the head's input in autocast's format", causal),
      "logits.fp32": TensorRule(scores, "scores in fp32, before the loss (logits.float())", causal),
      "logits.output.fp32": TensorRule(
        scores, "the output's scores in fp32, which mixed precision returns",
        "accelerate utils/operations.py, ConvertOutputsToFp32"),
      "log_probabilities": TensorRule(
        scores, "log-softmax of all scores: kept by it and by the loss", entropy),
      "batch.labels.shifted": TensorRule(
        .fixed(
          [
            [.one, .sum([.T, .one])], [.T], [.b, .sum([.s, .one])], [.b, .s], [.part(.T, of: 8)], [.blocks(.T, of: 8)],
          ]
            + [[.one, .sum([.part(.T, of: 8), .one])], [.one, .sum([.blocks(.T, of: 8), .one])]]),
        "labels moved by one: kept by the loss", causal),
      "loss": TensorRule(.one, because: "the loss, and what flows back from it", entropy),
      "loss.weight": TensorRule(.one, because: "the loss's total weight: kept by it", entropy),
      "sum": TensorRule(
        .one, because: "the chunks' losses added up", "torchtune modules/loss/ce_chunked_output_loss.py, forward"),
      "fused_head.positions": TensorRule(.number(2), .N, because: "where tokens with a label are: kept", fused),
      "fused_head.hidden": TensorRule(
        .N, .H, because: "hidden states of tokens with a label: kept so that logits can be made again", fused),
      "fused_head.targets": TensorRule(.N, because: "the tokens to be predicted: kept", fused),
      "fused_head.tile": TensorRule(
        .least(.N, 4096), .number(32768), because: "one tile of logits, reused for all", fused),
      "fused_head.hidden.tile": TensorRule(
        .least(.N, 4096), .H, because: "a tile's hidden states in the format of the product", fused),
      "fused_head.weight.tile": TensorRule(
        .least(.V, 32768), .H, because: "a tile's rows of the head in the format of the product", fused),
    ]
    for step in ["divided", "tanh", "capped"] {
      rules["logits." + step] = TensorRule(
        scores, "scores on their way through the final cap; its tanh is kept",
        "transformers models/gemma2/modeling_gemma2.py, Gemma2ForCausalLM.forward")
    }
    for (name, reason) in [
      ("maximum", "the running maximum"), ("sum_exp", "the running sum of exponentials"),
      ("x_sum_exp", "running sums for the entropy"), ("sq_sum_exp", "running sums of squares"),
      ("z_sum", "the running sum of scores"), ("max_before_target", "the maximum so far"),
      ("target_logit", "the target's score"), ("log_normalizer", "the log of the sum, kept for backward"),
      ("entropy", "the entropy, kept for backward"), ("log_probabilities", "the targets' log-probabilities"),
      ("scattered", "log-probabilities in their places"), ("negated", "negative log-probabilities"),
    ] {
      rules["fused_head." + name] = TensorRule(.N, because: reason + " of every row", fused)
    }
    return rules
  }()

  /// What belongs to the step as a whole: its batch, the residual stream, libraries.
  static let step: [String: TensorRule] = {
    let batch = "transformers trainer.py, get_batch_samples"
    let masks = "transformers masking_utils.py, eager_mask and sdpa_mask"
    let stream = "transformers models/llama/modeling_llama.py, LlamaDecoderLayer.forward"
    let mask: TensorRule.Form = .fixed([[.b, .one, .s, .s]])
    let cublas = "torch aten/src/ATen/cuda/CublasHandlePool.cpp, parseChosenWorkspaceSize"
    var rules: [String: TensorRule] = [
      "batch.tokens": TensorRule(.b, .s, because: "token ids of a micro-batch", batch),
      "batch.labels": TensorRule(.b, .s, because: "labels of a micro-batch", batch),
      "batch.attention_mask": TensorRule(.b, .s, because: "which tokens are no padding", batch),
      "batch.positions": TensorRule(
        .fixed([[.one, .s], [.b, .s]]), "positions, kept as long as the layers' context is",
        "transformers models/llama/modeling_llama.py"),
      "hidden": TensorRule(.tokens(.H), "embedded tokens: the first layer's input", stream),
      "checkpoint": TensorRule(
        .tokens(.H), "a layer's input: all that gradient checkpointing keeps of it",
        "torch utils/checkpoint.py, _checkpoint_without_reentrant_generator"),
      "middle": TensorRule(.tokens(.H), "the residual stream between attention and feed-forward network", stream),
      "output": TensorRule(.tokens(.H), "the residual stream that leaves a layer", stream),
      "branches": TensorRule(
        .tokens(.H), "attention and feed-forward added",
        "transformers models/gpt_neox/modeling_gpt_neox.py, GPTNeoXLayer.forward"),
      "embedding": TensorRule(.tokens(.H), "embedded tokens, before what the family does to them", stream),
      "position_embedding": TensorRule(
        .fixed([[.one, .s, .H], [.b, .s, .H]]), "embedded positions",
        "transformers models/gpt2/modeling_gpt2.py, GPT2Model.forward"),
      "embedding.sum": TensorRule(
        .tokens(.H), "tokens and positions added, before dropout",
        "transformers models/gpt2/modeling_gpt2.py, GPT2Model.forward"),
      "embedding.dropout.mask": TensorRule(
        .tokens(.H), "which elements were dropped, a byte each",
        "transformers models/gpt2/modeling_gpt2.py, GPT2Model.forward"),
      "optimizer.dynamic_map": TensorRule(
        .number(256), because: "the values that signed 8-bit moments stand for",
        "bitsandbytes functional.py, create_dynamic_map"),
      "optimizer.udynamic_map": TensorRule(
        .number(256), because: "the values that unsigned 8-bit moments stand for",
        "bitsandbytes functional.py, create_dynamic_map"),
    ]
    for name in ["attention_mask", "attention_mask.allowed"] {
      rules[name] = TensorRule(mask, "the micro-batch's mask, made once and kept for every layer", masks)
      rules[name + ".sliding_window"] = TensorRule(mask, "the mask of layers that look back a window only", masks)
    }
    for handle in ["main", "autograd"] {
      rules["cublas.\(handle).workspace"] = TensorRule(
        .workspace, "cuBLAS's workspace of the \(handle) thread's handle: from its first product to the end", cublas)
    }
    return rules
  }()

  /// What only our own engine makes.
  static let engine: [String: TensorRule] = {
    let ours = "Plimsoll's engine"
    return [
      "loss.statistics": TensorRule(
        .least(.T, 512), .number(3), because: "the largest score, the sum of exponentials and the label's score", ours),
      "final_norm.normed.flow.sums": TensorRule(
        .least(.T, 512), .H, because: "the normed stream's gradient summed over slices of the vocabulary", ours),
      "attention.workspace": TensorRule(.workspace, "scores of a block of query rows for every thread", ours),
      "attention.backward.workspace": TensorRule(
        .workspace, "probabilities and gradients of a block of query rows for every thread", ours),
      "{parameter}.widened": TensorRule(
        .workspace, "a piece of a weight in fp32, while the optimizer updates it and before it is rounded", ours),
      "{parameter}.codes": TensorRule(.stored, "4-bit codes, two a byte", ours),
      "{parameter}.offset": TensorRule(.one, because: "what is taken from scales before they are quantized", ours),
      "quantization.code_table": TensorRule(.number(16), because: "the values that codes stand for", ours),
      "quantization.nested_code_table": TensorRule(
        .number(256), because: "the values that codes of scales stand for", ours),
    ]
  }()
}
