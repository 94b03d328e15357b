/// How numbers are stored: so many elements in so many bytes.
///
/// Plain formats hold one element a block. Block formats hold several with their scales inside (GGUF's), or hold codes
/// alone and keep their scales in tensors of their own (``nf4``, ``fp4``: see ``BlockQuantization``).
public enum ScalarFormat: String, CaseIterable, Hashable, Sendable, Codable {
  case fp64, fp32, fp16, bf16, fp8
  case int64, int32, int16, int8, uint8, bool
  /// 4-bit codes of a 16-entry table, two a byte (Dettmers et al. 2023, <https://arxiv.org/abs/2305.14314>).
  case nf4, fp4
  // GGUF block formats (ggml/src/ggml-common.h, struct block_*): scales are inside the block.
  case q4_0, q4_1, q5_0, q5_1, q8_0, q8_1
  case q2_K, q3_K, q4_K, q5_K, q6_K, q8_K

  /// Elements that share a block.
  public var blockElements: Int {
    switch self {
    case .fp64, .fp32, .fp16, .bf16, .fp8, .int64, .int32, .int16, .int8, .uint8, .bool: 1
    case .nf4, .fp4: 2
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q8_1: 32
    case .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .q8_K: 256
    }
  }

  /// Bytes of a block.
  public var blockBytes: Bytes {
    switch self {
    case .fp64, .int64: Bytes(8)
    case .fp32, .int32: Bytes(4)
    case .fp16, .bf16, .int16: Bytes(2)
    case .fp8, .int8, .uint8, .bool: Bytes(1)
    case .nf4, .fp4: Bytes(1)
    case .q4_0: Bytes(2 + 16)
    case .q4_1: Bytes(4 + 16)
    case .q5_0: Bytes(2 + 4 + 16)
    case .q5_1: Bytes(4 + 4 + 16)
    case .q8_0: Bytes(2 + 32)
    case .q8_1: Bytes(4 + 32)
    case .q2_K: Bytes(16 + 64 + 4)
    case .q3_K: Bytes(32 + 64 + 12 + 2)
    case .q4_K: Bytes(4 + 12 + 128)
    case .q5_K: Bytes(4 + 12 + 32 + 128)
    case .q6_K: Bytes(128 + 64 + 16 + 2)
    case .q8_K: Bytes(4 + 256 + 32)
    }
  }

  /// Bytes that `count` elements need; the last block may be ragged and is stored whole.
  public func storage(of count: Int) -> Bytes {
    (count + blockElements - 1) / blockElements * blockBytes
  }

  /// Bytes one element costs on average.
  public var bytesPerElement: Double { Double(blockBytes.count) / Double(blockElements) }
}
