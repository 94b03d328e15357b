import Bookkeeping
import Kernels

/// A format that a weight may have in a file, and how it becomes fp32.
enum StoredFormat {
  case fp32, fp16, bf16
  case block(BlockFormat)

  /// `nil` for what holds no weights, or none that can be read.
  init?(_ format: ScalarFormat?) {
    switch format {
    case .fp32: self = .fp32
    case .fp16: self = .fp16
    case .bf16: self = .bf16
    case .q4_0: self = .block(.q4_0)
    case .q4_1: self = .block(.q4_1)
    case .q5_0: self = .block(.q5_0)
    case .q5_1: self = .block(.q5_1)
    case .q8_0: self = .block(.q8_0)
    case .q4_K: self = .block(.q4_K)
    case .q5_K: self = .block(.q5_K)
    case .q6_K: self = .block(.q6_K)
    case .fp64, .fp8, .int64, .int32, .int16, .int8, .uint8, .bool, .nf4, .fp4, .q8_1, .q2_K, .q3_K, .q8_K, nil:
      return nil
    }
  }

  /// What the two kinds of files may hold, as their users call it.
  static let inSafetensors = ["F32", "F16", "BF16"]
  static let inGGUF = inSafetensors + BlockFormat.allCases.map { $0.rawValue.uppercased() }

  var blockElements: Int {
    if case .block(let format) = self { format.blockElements } else { 1 }
  }

  /// Bytes of so many elements, which are whole blocks.
  func bytes(of elements: Int) -> Int {
    switch self {
    case .fp32: 4 * elements
    case .fp16, .bf16: 2 * elements
    case .block(let format): elements / format.blockElements * format.blockBytes
    }
  }

  /// Fills `values` with the nearest numbers to those in whole blocks.
  func convert<W: Number>(_ bytes: Span<UInt8>, into values: consuming MutableSpan<W>) {
    if case .bf16 = self, W.format == .bf16 { return FloatConversion.copy(bytes, into: values) }
    FloatConversion.rounding(into: values, multipleOf: blockElements) { range, piece in
      let source = bytes.extracting(self.bytes(of: range.lowerBound)..<self.bytes(of: range.upperBound))
      switch self {
      case .fp32: FloatConversion.float32(source, into: piece)
      case .fp16: FloatConversion.float16(source, into: piece)
      case .bf16: FloatConversion.bfloat16(source, into: piece)
      case .block(let format): format.dequantize(source, into: piece)
      }
    }
  }
}
