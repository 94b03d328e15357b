import Bookkeeping

extension StackDescription {
  // transformers 5 `from_pretrained` takes the checkpoint's own type, bf16 for every model of the last years.
  private static let trainer = Defaults(
    weightFormat: .bf16, weightFormatReason: "the checkpoint's own, Transformers' default", adapterFormat: .fp32,
    precision: .pure, usesGradientCheckpointing: false, loss: .full, learningRate: 5e-5)

  private static let current = ["Transformers 5.23", "PEFT 0.21.2", "torch 2.13"]

  private static let preparation =
    "On a quantized base everything that is not quantized is cast to fp32, so that the residual stream is fp32 too "
    + "(peft/utils/other.py, `prepare_model_for_kbit_training`)."

  private static let ownLoss =
    "All logits are made, and an fp32 copy of them; labels are shifted, not logits "
    + "(transformers/loss/loss_utils.py, `ForCausalLMLoss`)."

  /// Transformers' `Trainer`, with `prepare_model_for_kbit_training`, which turns gradient checkpointing on.
  static let transformers = StackDescription(
    stack: .transformers, title: "Transformers' Trainer with PEFT and bitsandbytes, prepared for k-bit training",
    software: current, notes: [preparation, ownLoss], full: trainer, lora: trainer,
    qlora: trainer.with { $0.usesGradientCheckpointing = true },
    choices: StackChoices(preparesForKbitTraining: true))

  /// The same without the preparation: gradient checkpointing is then a choice of its own.
  static let transformersUnprepared = StackDescription(
    stack: .transformersUnprepared, title: "Transformers' Trainer with PEFT and bitsandbytes, not prepared",
    software: current,
    notes: [
      "Norms, embeddings and head of a quantized base stay as they were loaded: `prepare_model_for_kbit_training` is "
        + "not called.", ownLoss,
    ],
    full: trainer, lora: trainer, qlora: trainer, choices: StackChoices())

  /// A loop written by hand: PEFT's guide without the `Trainer`.
  static let peftLoop = StackDescription(
    stack: .peftLoop, title: "a hand-written loop over PEFT and bitsandbytes, prepared, without autocast",
    software: current,
    notes: [
      "`outputs = model(**batch)` is still bound during `outputs.loss.backward()`, so logits live through it.",
      "No accelerate: no autocast, and outputs are not converted.", preparation,
      "`torch.optim.AdamW(...)` walks with `foreach` on a GPU (torch/optim/optimizer.py, "
        + "`_default_to_fused_or_foreach`).",
    ],
    full: trainer, lora: trainer, qlora: trainer.with { $0.usesGradientCheckpointing = true },
    choices: StackChoices(
      convertsOutputs: false, keepsOutputs: true, preparesForKbitTraining: true, optimizerImplementation: .foreach))

  // transformers/modeling_utils.py of 4.x: `torch_dtype` None is fp32; training_args.py: optim "adamw_torch".
  private static let trainer4 = Defaults(
    weightFormat: .fp32, weightFormatReason: "Transformers 4's default", adapterFormat: .fp32, precision: .pure,
    usesGradientCheckpointing: false, loss: .full, learningRate: 5e-5)

  /// Transformers 4.45's `Trainer`, prepared where the base is quantized.
  static let transformers4 = StackDescription(
    stack: .transformers4, title: "Transformers 4.45's Trainer with PEFT and bitsandbytes, prepared",
    software: ["Transformers 4.45.2", "PEFT 0.13.2", "accelerate 1.0.1"],
    notes: [
      "The model returns its logits in fp32, and the loss copies them without each sequence's last row where there is "
        + "more than one sequence (models/llama/modeling_llama.py, `LlamaForCausalLM.forward`).",
      "Keys and values are repeated for every query head before torch's fused attention (`repeat_kv`).",
      "Without gradient checkpointing the output holds every layer's keys and values (`use_cache`).",
      "Checkpointed layers are re-entered: run again whole, in a backward pass of their own (modeling_utils.py, "
        + "`gradient_checkpointing_enable`).",
      "AdamW is torch's `foreach` (training_args.py, `optim`).",
    ],
    full: trainer4, lora: trainer4,
    qlora: trainer4.with {
      $0.weightFormat = .bf16
      $0.weightFormatReason = "the checkpoint's own, as QLoRA guides load it"
      $0.usesGradientCheckpointing = true
    },
    choices: StackChoices(
      sharedHeads: .repeated, reentersCheckpoints: true, checkpointsWrappedLayers: true, returnsCastLogits: true,
      copiesShiftedLogits: true,
      keepsKeysAndValues: true, preparesForKbitTraining: true, optimizerImplementation: .foreach))

  /// Liger's kernels, as `use_liger_kernel` puts them in.
  static let liger = StackDescription(
    stack: .liger, title: "Transformers' Trainer with Liger's kernels", software: ["liger_kernel 0.8.5"] + current,
    notes: [
      "Norms keep their input and a number a row (liger_kernel/ops/rms_norm.py); rotary embeddings are written in "
        + "place (ops/rope.py); gate and up are kept and their gradients written over them (ops/swiglu.py).",
      "Head and loss are one operation that makes all gradients in the forward pass, chunk by chunk "
        + "(ops/fused_linear_cross_entropy.py).",
      "Families without kernels (GPT-2, GPT-NeoX, Phi-1 and 2) run as they do without them "
        + "(transformers/monkey_patch.py).", preparation,
    ],
    full: trainer.with { $0.loss = .fused }, lora: trainer.with { $0.loss = .fused },
    qlora: trainer.with {
      $0.loss = .fused
      $0.usesGradientCheckpointing = true
    },
    choices: StackChoices(
      norm: .liger, rotary: .liger, gate: .liger, fusedHead: .liger, preparesForKbitTraining: true))
}
