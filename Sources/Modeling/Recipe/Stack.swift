/// The software that runs the step: it decides how operations are implemented, and so what they keep.
public enum Stack: String, CaseIterable, Hashable, Sendable, Codable {
  /// Our own engine on the CPU.
  case plimsoll
  /// TRL's `SFTTrainer` on Transformers, PEFT and bitsandbytes.
  case trl
  /// Transformers' `Trainer` with PEFT and bitsandbytes, `prepare_model_for_kbit_training` called as PEFT's guides do.
  case transformers
}

/// How attention is computed.
public enum AttentionImplementation: String, CaseIterable, Hashable, Sendable, Codable { case eager, sdpa, flash }

/// How the head and the loss are computed.
public enum LossImplementation: String, CaseIterable, Hashable, Sendable, Codable {
  /// All logits at once.
  case full
  /// Logits in chunks of tokens or vocabulary.
  case chunked
  /// Head and loss in one operation that never holds all logits.
  case fused
}

/// In which format arithmetic runs, given the format of the weights.
public enum Precision: String, CaseIterable, Hashable, Sendable, Codable {
  /// Everything in the weights' format.
  case pure
  /// Matrix products in bf16 (or fp16) on the fly.
  case autocast
}

/// How a step is spread over GPUs.
public enum Sharding: String, CaseIterable, Hashable, Sendable, Codable { case none, ddp, zero1, zero2, zero3, fsdp }
