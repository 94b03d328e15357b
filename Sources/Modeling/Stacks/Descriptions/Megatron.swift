import Bookkeeping

extension StackDescription {
  // docs/llama_mistral.md: --bf16, no dropout, --transformer-impl transformer_engine; megatron/training/arguments.py:
  // no recomputation and a micro-batch of its own where none is named; Adam is Transformer Engine's or Apex's.
  private static let script = Defaults(
    weightFormat: .bf16, weightFormatReason: "`--bf16` of Megatron-LM", adapterFormat: .bf16, precision: .pure,
    usesGradientCheckpointing: false, loss: .full, optimizer: .fusedAdam, learningRate: 1e-5)

  /// Megatron-LM's training loop on megatron-core's `GPTModel`, full fine-tuning.
  static let megatron = StackDescription(
    stack: .megatron, title: "Megatron-LM's training loop on megatron-core's GPT model",
    software: ["megatron-core 0.16.1", "Transformer Engine 2.20.2", "torch 2.15"],
    notes: [
      "Parameters are bf16; gradients add up in one fp32 buffer that is there from the start, linear layers' in the "
        + "product itself (megatron/core/distributed/param_and_grad_buffer.py, `_ParamAndGradBuffer`; "
        + "tensor_parallel/layers.py, `gradient_accumulation_fusion`).",
      "What autograd is handed for a linear weight is a bf16 buffer that nobody reads, one for all weights of a shape "
        + "(transformer_engine/pytorch/module/base.py, `get_dummy_wgrad`).",
      "Adam updates fp32 main parameters with fp32 moments: 18 bytes a parameter in all "
        + "(optimizer/optimizer.py, `Float16OptimizerWithFloat16Params`); `--sharding zero1` is the distributed "
        + "optimizer, which divides main parameters and moments (optimizer/distrib_optimizer.py).",
      "Queries, keys and values are one projection, gate and up another (transformer/attention.py, `SelfAttention`; "
        + "transformer/mlp.py, `MLP`), and SwiGLU keeps its input (fusions/fused_bias_swiglu.py, `SwiGLUFunction`).",
      "Norms keep their input and each row's statistics (extensions/transformer_engine.py, `TENorm`).",
      "Rotation makes new queries and keys (transformer_engine/pytorch/attention/rope.py, `FusedRoPEFunc`), beside which "
        + "values are copied (attention/dot_product_attention/utils.py, `get_qkv_layout`).",
      "Eager attention keeps the softmax of scores in bf16 (fusions/fused_softmax.py, "
        + "`ScaledUpperTriangMaskedSoftmax`) and one buffer for raw scores (transformer/dot_product_attention.py).",
      "The loss makes softmax in place of fp32 logits and keeps that (tensor_parallel/cross_entropy.py, "
        + "`VocabParallelCrossEntropy`); vocabularies are padded to a multiple of 128 times the GPUs that share a layer "
        + "(megatron/training/arguments.py, `make_vocab_size_divisible_by`).",
      "`--checkpointing` is full recomputation, a layer at a time, re-entrant (tensor_parallel/random.py, "
        + "`CheckpointFunction`).",
      "Dropout is GPT-2's own, 0.1, and none elsewhere.",
    ],
    full: script, lora: script, qlora: script,
    choices: StackChoices(
      modelCode: .megatron, reentersCheckpoints: true, convertsOutputs: false))
}
