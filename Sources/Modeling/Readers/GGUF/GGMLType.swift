public import Bookkeeping

/// The tensor types of ggml: plain numbers, and blocks of quantized ones with their scales inside.
public struct GGMLType: Hashable, Sendable, CustomStringConvertible {
  /// ggml's own name: `Q4_K`.
  public let name: String
  /// Elements that share a block.
  public let blockElements: Int
  /// Bytes of a block.
  public let blockBytes: Bytes

  public var description: String { name }

  /// The format of the books, where they know it.
  public var format: ScalarFormat? {
    let plain: [String: ScalarFormat] = [
      "F32": .fp32, "F16": .fp16, "BF16": .bf16, "F64": .fp64, "I8": .int8, "I16": .int16, "I32": .int32, "I64": .int64,
    ]
    return plain[name] ?? ScalarFormat.allCases.first { $0.rawValue.uppercased() == name }
  }

  /// The type of this number, if ggml has one.
  public init?(number: Int) {
    guard let (name, elements, bytes) = GGMLType.table[number] else { return nil }
    self.name = name
    blockElements = elements
    blockBytes = Bytes(bytes)
  }

  /// Every number in use.
  public static var numbers: [Int] { table.keys.sorted() }

  /// Source: ggml `include/ggml.h`, `enum ggml_type`; block sizes `src/ggml-common.h`, `struct block_*`.
  private static let table: [Int: (String, Int, Int)] = [
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
  ]
}
