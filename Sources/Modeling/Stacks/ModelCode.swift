/// Whose Python a model's layers are written in.
public enum ModelCode: String, CaseIterable, Hashable, Sendable, Codable {
  /// Transformers' `modeling_*.py`.
  case transformers
  /// torchtune's `TransformerDecoder` as of 0.6.
  case torchtune
  /// The same in 2024: a norm written out in Python, a table of rotations in every layer.
  case torchtune2024 = "torchtune-2024"
  /// LitGPT's `GPT`.
  case litgpt
  /// The same in 2023, as lit_gpt: queries, keys and values interleaved in one weight.
  case litgpt2023 = "litgpt-2023"
  /// megatron-core's `GPTModel`.
  case megatron

  public var isTorchtune: Bool { self == .torchtune || self == .torchtune2024 }
  public var isLitGPT: Bool { self == .litgpt || self == .litgpt2023 }
}

/// How NF4 weights are stored.
public enum NF4Layout: String, CaseIterable, Hashable, Sendable, Codable {
  /// bitsandbytes' `Params4bit`: blocks of 64, and of 256 blocks where scales are quantized too.
  case bitsandbytes
  /// torchao's `NF4Tensor`: the same blocks, int8 scales always, constants in the weight's format; made whole operation
  /// by operation (torchao/dtypes/nf4tensor.py).
  case torchao
}
