import Bookkeeping

extension StackDescription {
  // unsloth/models/llama.py, `FastLlamaModel.from_pretrained`: bf16 where the GPU has it. unsloth_zoo/training_utils.py,
  // `prepare_model_for_training`: adapters fp32, everything else as it was loaded. Unsloth's guides train with
  // `adamw_8bit`, bf16 and `use_gradient_checkpointing = "unsloth"`.
  private static let guide = Defaults(
    weightFormat: .bf16, weightFormatReason: "Unsloth's default on GPUs with bf16", adapterFormat: .fp32,
    precision: .autocast, usesGradientCheckpointing: true, loss: .fused, optimizer: .adamw8bit, learningRate: 2e-4)

  /// Unsloth's `FastLanguageModel` with TRL's `SFTTrainer`.
  static let unsloth = StackDescription(
    stack: .unsloth, title: "Unsloth's FastLanguageModel with TRL's SFTTrainer",
    software: ["unsloth 2026.10.9", "unsloth_zoo 2026.10.9", "torch 2.13"],
    notes: [
      "Projections with adapters are one operation each: queries, keys and values; output; the whole feed-forward "
        + "network, which keeps its input, gate and up only and writes gradients over them "
        + "(unsloth/kernels/fast_lora.py, `LoRA_QKV`, `LoRA_W`, `LoRA_MLP`). Modules of a group that have no adapter, "
        + "or all where the base is fp32, run as PEFT's.",
      "Norms keep their input and a number a row; rotary embeddings are written in place (kernels/rms_layernorm.py, "
        + "rope_embedding.py).",
      "One buffer as large as the largest weight takes dequantized weights of the forward pass, and stays "
        + "(kernels/utils.py, `_scratch`); the backward pass makes its own.",
      "Inputs of checkpointed layers wait in pinned host memory, the last one's excepted; two buffers on the GPU bring "
        + "them back (unsloth_zoo/gradient_checkpointing.py, `UnslothCheckpointFunction`).",
      "Head and loss are one operation that makes gradients in the forward pass (unsloth_zoo/fused_losses/"
        + "fused_linear.py, `_ce_impl`).",
    ],
    full: guide, lora: guide, qlora: guide,
    choices: StackChoices(
      norm: .unsloth, rotary: .unsloth, adapters: .unsloth, crossEntropy: .unsloth, fusedHead: .unsloth,
      checkpoints: .host, reentersCheckpoints: true))
}
