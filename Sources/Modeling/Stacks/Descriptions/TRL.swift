import Bookkeeping

extension StackDescription {
  // trl/trainer/base_config.py and sft_config.py: bf16 and gradient checkpointing are on; trainer/utils.py,
  // `create_model_from_path`: fp32 for a model given by name. TRL's QLoRA guide (docs/source/peft_integration.md) loads
  // the model itself, in the checkpoint's own type: bf16. Adapters of a quantized base are cast to bf16
  // (trainer/sft_trainer.py), others stay in fp32 (peft's `autocast_adapter_dtype`).
  private static let named = Defaults(
    weightFormat: .fp32, weightFormatReason: "TRL's default for a model named by a string", adapterFormat: .fp32,
    precision: .autocast, usesGradientCheckpointing: true, loss: .fused, learningRate: 2e-5)

  /// TRL's `SFTTrainer` as it is now.
  static let trl = StackDescription(
    stack: .trl, title: "TRL's SFTTrainer on Transformers, PEFT and bitsandbytes",
    software: ["TRL 1.16", "Transformers 5.23", "PEFT 0.21.2", "torch 2.13"], notes: [], full: named, lora: named,
    qlora: named.with {
      $0.weightFormat = .bf16
      $0.weightFormatReason = "the checkpoint's own, as TRL's QLoRA guide loads it"
      $0.adapterFormat = .bf16
    },
    choices: StackChoices())
}
