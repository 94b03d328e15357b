public import Bookkeeping

/// The element types of the safetensors format.
public enum SafetensorsElementType: String, CaseIterable, Hashable, Sendable {
  case bool = "BOOL"
  case uint8 = "U8"
  case int8 = "I8"
  case uint16 = "U16"
  case int16 = "I16"
  case uint32 = "U32"
  case int32 = "I32"
  case uint64 = "U64"
  case int64 = "I64"
  case fp16 = "F16"
  case bf16 = "BF16"
  case fp32 = "F32"
  case fp64 = "F64"
  case complex64 = "C64"
  case fp8E4M3 = "F8_E4M3"
  case fp8E5M2 = "F8_E5M2"
  case fp8E8M0 = "F8_E8M0"
  case fp4 = "F4"
  case fp6E2M3 = "F6_E2M3"
  case fp6E3M2 = "F6_E3M2"

  /// Source: safetensors `src/tensor.rs`, `Dtype::bitsize`.
  public var bits: Int {
    switch self {
    case .fp4: 4
    case .fp6E2M3, .fp6E3M2: 6
    case .bool, .uint8, .int8, .fp8E4M3, .fp8E5M2, .fp8E8M0: 8
    case .uint16, .int16, .fp16, .bf16: 16
    case .uint32, .int32, .fp32: 32
    case .uint64, .int64, .fp64, .complex64: 64
    }
  }

  /// The format of the books, where they know it.
  public var format: ScalarFormat? {
    switch self {
    case .bool: .bool
    case .uint8: .uint8
    case .int8: .int8
    case .int16: .int16
    case .int32: .int32
    case .int64: .int64
    case .fp16: .fp16
    case .bf16: .bf16
    case .fp32: .fp32
    case .fp64: .fp64
    case .fp8E4M3, .fp8E5M2, .fp8E8M0: .fp8
    case .uint16, .uint32, .uint64, .complex64, .fp4, .fp6E2M3, .fp6E3M2: nil
    }
  }
}
