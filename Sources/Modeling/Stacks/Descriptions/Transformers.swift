import Bookkeeping

extension StackDescription {
  // transformers 5 `from_pretrained` takes the checkpoint's own type, bf16 for every model of the last years.
  private static let trainer = Defaults(
    weightFormat: .bf16, weightFormatReason: "the checkpoint's own, Transformers' default", adapterFormat: .fp32,
    precision: .pure, usesGradientCheckpointing: false, loss: .full, learningRate: 5e-5)

  /// Transformers' `Trainer`, with `prepare_model_for_kbit_training`, which turns gradient checkpointing on.
  static let transformers = StackDescription(
    stack: .transformers, title: "Transformers' Trainer with PEFT and bitsandbytes, prepared for k-bit training",
    software: ["Transformers 5.23", "PEFT 0.21.2", "torch 2.13"], notes: [], full: trainer, lora: trainer,
    qlora: trainer.with { $0.usesGradientCheckpointing = true },
    choices: StackChoices(preparesForKbitTraining: true))
}
