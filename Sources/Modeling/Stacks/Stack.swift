/// The software that runs the step: it decides how operations are implemented, and so what they keep.
///
/// What each does is written down in its ``StackDescription``.
public enum Stack: String, CaseIterable, Hashable, Sendable, Codable {
  /// Our own engine on the CPU.
  case plimsoll
  /// TRL's `SFTTrainer` on Transformers, PEFT and bitsandbytes.
  case trl
  /// Transformers' `Trainer` with PEFT and bitsandbytes, `prepare_model_for_kbit_training` called as PEFT's guides do.
  case transformers

  /// What the stack does and where that was read.
  public var description: StackDescription { StackDescription.of(self) }

  /// The stack's own ways, before a user changes any.
  public var choices: StackChoices { description.choices }

  /// Whether the step runs on PyTorch, its allocator and its autograd.
  public var isTorch: Bool { self != .plimsoll }
}
