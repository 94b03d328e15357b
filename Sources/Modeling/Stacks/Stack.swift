/// The software that runs the step: it decides how operations are implemented, and so what they keep.
///
/// What each does is written down in its ``StackDescription``.
public enum Stack: String, CaseIterable, Hashable, Sendable, Codable {
  /// Our own engine on the CPU.
  case plimsoll
  /// TRL's `SFTTrainer` on Transformers, PEFT and bitsandbytes.
  case trl
  /// The same with a loss of one's own, for which all logits are made.
  case trlFullLogits = "trl-full-logits"
  /// TRL 0.11 to 0.13 on Transformers 4.45.
  case trl0 = "trl-0"
  /// Transformers' `Trainer` with PEFT and bitsandbytes, `prepare_model_for_kbit_training` called as PEFT's guides do.
  case transformers
  /// The same without that call.
  case transformersUnprepared = "transformers-unprepared"
  /// Answer.AI's fsdp_qlora script of 2024.
  case fsdpQLoRA = "fsdp-qlora"
  /// Transformers 4.45's `Trainer`.
  case transformers4 = "transformers-4"
  /// A hand-written loop over PEFT and bitsandbytes.
  case peftLoop = "peft-loop"
  /// Transformers' `Trainer` with Liger's kernels.
  case liger
  /// Unsloth.
  case unsloth
  /// TRL 0.13 on Transformers 4.48 with the kernels and the quantized PEFT of fms-acceleration.
  case fmsAcceleration = "fms-acceleration"
  case axolotl
  case llamaFactory = "llama-factory"
  case msSwift = "ms-swift"
  /// torchtune's recipes on its own models.
  case torchtune
  /// torchtune as of early 2024 (0.0.1 to 0.1).
  case torchtune2024 = "torchtune-2024"
  /// LitGPT's fine-tuning scripts on its own models.
  case litgpt
  /// lit-gpt as of late 2023.
  case litgpt2023 = "litgpt-2023"
  /// Megatron-LM's training loop on megatron-core's models.
  case megatron

  /// What the stack does and where that was read.
  public var description: StackDescription { StackDescription.of(self) }

  /// The stack's own ways, before a user changes any.
  public var choices: StackChoices { description.choices }

  /// Whether the step runs on PyTorch, its allocator and its autograd.
  public var isTorch: Bool { self != .plimsoll }
}
