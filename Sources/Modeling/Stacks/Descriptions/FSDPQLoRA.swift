import Bookkeeping

extension StackDescription {
  // fsdp_qlora train.py, `main`: --precision bf16, --use_gradient_checkpointing, --batch_size 1, --optimizer adamw,
  // --lr 1e-5; PEFT of early 2024 makes adapters in the base's format, which `quant_storage` makes bf16 on a 4-bit one.
  private static let script = Defaults(
    weightFormat: .bf16, weightFormatReason: "`--precision bf16` of fsdp_qlora", adapterFormat: .bf16,
    precision: .pure, usesGradientCheckpointing: true, loss: .full, learningRate: 1e-5)

  /// Answer.AI's script: PEFT's adapters and bitsandbytes' weights under FSDP, in a loop of its own.
  static let fsdpQLoRA = StackDescription(
    stack: .fsdpQLoRA, title: "Answer.AI's fsdp_qlora script of 2024",
    software: ["fsdp_qlora train.py of 2024-03", "Transformers 4.38", "PEFT 0.9", "torch 2.2"],
    notes: [
      "FSDP without mixed precision: weights, adapters and products are bf16 (train.py, `fsdp_main`, `mp_policy`).",
      "Packed codes are stored as bf16 and divided; their scales are whole on every GPU (train.py, `quant_storage`).",
      "Checkpoints are torch's, not re-entered (train.py, `CheckpointImpl.NO_REENTRANT`).",
      "`output` is still bound during `loss.backward()`, so logits live through it (train.py, `fsdp_main`).",
      "The model returns its logits in fp32, and the loss copies them without each sequence's last row where there is "
        + "more than one sequence (transformers 4.38, models/llama/modeling_llama.py, `LlamaForCausalLM.forward`).",
    ],
    full: script, lora: script, qlora: script,
    choices: StackChoices(
      sharedHeads: .repeated, returnsCastLogits: true, copiesShiftedLogits: true, convertsOutputs: false,
      keepsOutputs: true, optimizerImplementation: .foreach))
}
