extension TensorTable {
  /// What fused kernels of Liger, Unsloth and fms-acceleration make in place of the operations that they stand for.
  static let kernels: [String: TensorRule] = {
    let liger = "liger_kernel ops/fused_linear_cross_entropy.py, fused_linear_cross_entropy_forward"
    let unsloth = "unsloth_zoo fused_losses/fused_linear.py, _ce_impl"
    let entropy = "liger_kernel ops/cross_entropy.py; unsloth kernels/cross_entropy_loss.py"
    let rotary = "liger_kernel ops/rope.py; unsloth kernels/rope_embedding.py"
    let rows: TensorRule.Form = .fixed([[.T], [.part(.T, of: 8)], [.blocks(.T, of: 8)]])
    let pieces: Extent = .blocks(.V, of: 65536)
    return [
      "losses": TensorRule(rows, "each row's loss", entropy),
      "logsumexp.pieces": TensorRule(
        .fixed([[.T, pieces], [.part(.T, of: 8), pieces], [.blocks(.T, of: 8), pieces]]),
        "each row's log of summed exponentials, piece by piece of a large vocabulary", entropy),
      "logits.shifted": TensorRule(
        .b, .less(.s, by: 1), .V, because: "scores without each sequence's last row, copied",
        "transformers 4 models/llama/modeling_llama.py, LlamaForCausalLM.forward"),
      "batch.labels.target": TensorRule(.T, because: "the tokens to be predicted", liger),
      "liger_head.hidden.grad": TensorRule(
        .T, .H, because: "the hidden states' gradient, made in the forward pass: kept until backward hands it out",
        liger),
      "liger_head.weight.grad": TensorRule(
        .V, .H, because: "the head's gradient, made in the forward pass: kept until backward hands it out", liger),
      "liger_head.losses": TensorRule(.T, because: "each row's loss", liger),
      "liger_head.labeled": TensorRule(.T, because: "which rows have a label", liger),
      "liger_head.chunk": TensorRule(.workspace, "a chunk of logits, which become their gradients at once", liger),
      "liger_head.weight.cast": TensorRule(.V, .H, because: "the head in the format of the product", liger),
      "liger_head.hidden.cast": TensorRule(.workspace, "a chunk's hidden states in the format of the product", liger),
      "unsloth_head.rows": TensorRule(.N, because: "which rows have a label", unsloth),
      "unsloth_head.hidden.grad": TensorRule(
        .T, .H, because: "the hidden states' gradient, made in the forward pass: kept until backward scales it", unsloth
      ),
      "unsloth_head.weight.cast": TensorRule(.V, .H, because: "the head in the format of the product", unsloth),
      "unsloth_head.log_probabilities": TensorRule(.N, because: "the targets' log-probabilities", unsloth),
      "unsloth_head.chunk": TensorRule(.workspace, "a chunk or tile of logits in fp32", unsloth),
      "unsloth_head.hidden": TensorRule(.workspace, "a chunk's hidden states: their gradient in fp32", unsloth),
      "unsloth_head.hidden.flow.cast": TensorRule(.workspace, "a chunk's gradient in the stream's format", unsloth),
      "unsloth_head.hidden.rows": TensorRule(.workspace, "a chunk's hidden states, copied by index", unsloth),
      "unsloth_head.statistics": TensorRule(.workspace, "running sums of every tile", unsloth),
      "attention.q.contiguous": TensorRule(
        .heads(.D), "queries laid out head by head: kept by attention", "transformers 4 integrations/sdpa_attention.py"),
      "{linear}.contiguous": TensorRule(.heads(.D), "queries or keys laid out for the kernel", rotary),
      "product.gate": TensorRule(
        .tokens(.I), "the gate's half, copied for the kernel: kept", "liger_kernel ops/swiglu.py"),
      "product.up": TensorRule(.tokens(.I), "the up half, copied for the kernel: kept", "liger_kernel ops/swiglu.py"),
      "scratch.weight": TensorRule(
        .workspace, "the one buffer that takes every dequantized weight of forward, and stays",
        "unsloth kernels/utils.py, WEIGHT_BUFFERS"),
      "checkpoints.buffer": TensorRule(
        .tokens(.H), "the buffer through which layers' inputs come back from the host",
        "unsloth_zoo gradient_checkpointing.py"),
      "checkpoints.second_buffer": TensorRule(
        .tokens(.H), "the second buffer through which layers' inputs come back from the host",
        "unsloth_zoo gradient_checkpointing.py"),
    ]
  }()
}
