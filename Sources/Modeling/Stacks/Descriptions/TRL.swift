import Bookkeeping

extension StackDescription {
  // trl/trainer/base_config.py and sft_config.py: bf16 and gradient checkpointing are on; trainer/utils.py,
  // `create_model_from_path`: fp32 for a model given by name. TRL's QLoRA guide (docs/source/peft_integration.md) loads
  // the model itself, in the checkpoint's own type: bf16. Adapters of a quantized base are cast to bf16
  // (trainer/sft_trainer.py), others stay in fp32 (peft's `autocast_adapter_dtype`).
  private static let named = Defaults(
    weightFormat: .fp32, weightFormatReason: "TRL's default for a model named by a string", adapterFormat: .fp32,
    precision: .autocast, usesGradientCheckpointing: true, loss: .fused, learningRate: 2e-5)

  private static let guided = named.with {
    $0.weightFormat = .bf16
    $0.weightFormatReason = "the checkpoint's own, as TRL's QLoRA guide loads it"
    $0.adapterFormat = .bf16
  }

  private static let current = ["TRL 1.16", "Transformers 5.23", "PEFT 0.21.2", "torch 2.13"]

  /// TRL's `SFTTrainer` as it is now.
  static let trl = StackDescription(
    stack: .trl, title: "TRL's SFTTrainer on Transformers, PEFT and bitsandbytes", software: current,
    notes: [
      "The head is fused: log-probabilities come from tiles of logits (trl/kernels/chunked_logprob.py, "
        + "`ChunkedLogProbFunction`).",
      "Adapters of a quantized base are cast to bf16, others stay fp32 (trl/trainer/sft_trainer.py; peft's "
        + "`autocast_adapter_dtype`).",
      "A model named by a string is loaded in fp32, and runs under bf16 autocast with gradient checkpointing "
        + "(trl/trainer/utils.py, `create_model_from_path`; trainer/base_config.py).",
    ],
    full: named, lora: named, qlora: guided, choices: StackChoices())

  /// TRL's `SFTTrainer` where the fused head stands aside.
  static let trlFullLogits = StackDescription(
    stack: .trlFullLogits, title: "TRL's SFTTrainer with a loss of one's own: all logits are made", software: current,
    notes: [
      "A `compute_loss_func` or label smoothing takes the model's own forward, with all logits and an fp32 copy "
        + "(trl/trainer/sft_trainer.py, `compute_loss`; transformers/loss/loss_utils.py, `ForCausalLMLoss`)."
    ],
    full: named.with { $0.loss = .full }, lora: named.with { $0.loss = .full },
    qlora: guided.with { $0.loss = .full }, choices: StackChoices())

  // trl/trainer/sft_trainer.py of 0.11.4 and 0.13.0: `prepare_model_for_kbit_training`, `get_peft_model`, then
  // `peft_module_casting_to_bf16` under --bf16. A model named by a string is loaded by `from_pretrained` of Transformers
  // 4, in fp32. No fused head; nothing is on that a `TrainingArguments` leaves off.
  private static let early = Defaults(
    weightFormat: .fp32, weightFormatReason: "Transformers 4's default, which SFTTrainer leaves alone",
    adapterFormat: .fp32, precision: .autocast, usesGradientCheckpointing: false, loss: .full, learningRate: 5e-5)

  /// TRL 0.x.
  static let trl0 = StackDescription(
    stack: .trl0, title: "TRL 0.11 to 0.13 on Transformers 4.45, --bf16",
    software: ["TRL 0.11.4", "Transformers 4.45.2", "PEFT 0.13.2", "accelerate 1.0.1"],
    notes: [
      "On a 4-bit base everything else is cast to fp32, then embeddings and head back to bf16; norms and adapters stay "
        + "fp32 (trl/trainer/sft_trainer.py, `__init__`; trainer/utils.py, `peft_module_casting_to_bf16`).",
      "From the first feed-forward network on the residual stream is fp32: norms promote it and bitsandbytes answers "
        + "in the type of its input (bitsandbytes/nn/modules.py, `Linear4bit.forward`).",
    ] + transformers4.notes,
    full: early, lora: early,
    qlora: early.with {
      $0.weightFormat = .bf16
      $0.weightFormatReason = "the checkpoint's own, as QLoRA guides load it"
      $0.usesGradientCheckpointing = true
    },
    choices: transformers4.choices.with {
      $0.preparesForKbitTraining = true
      $0.castsTablesBack = true
    })
}
