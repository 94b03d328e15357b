/// A value of a GGUF header's metadata.
///
/// The format's eight integer types are one case here, and its two floating-point types another: what a value means
/// never depends on its width.
public enum GGUFValue: Hashable, Sendable {
  case integer(Int)
  /// An unsigned integer beyond what fits into ``integer(_:)``.
  case unsigned(UInt64)
  /// A float32 keeps its shortest decimal spelling: 1e-5 is 1e-5.
  case number(Double)
  case bool(Bool)
  case string(String)
  case array([GGUFValue])

  public var integerValue: Int? {
    if case .integer(let value) = self { value } else { nil }
  }

  public var stringValue: String? {
    if case .string(let value) = self { value } else { nil }
  }

  public var arrayValue: [GGUFValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  /// The same as JSON, for the readers of configurations.
  var json: JSONValue {
    switch self {
    case .integer(let value): .integer(value)
    case .unsigned(let value): .number(Double(value))
    case .number(let value): .number(value)
    case .bool(let value): .bool(value)
    case .string(let text): .string(text)
    case .array(let elements): .array(elements.map(\.json))
    }
  }
}

/// The value types of the format, by their numbers.
///
/// Source: ggml `include/gguf.h`, `enum gguf_type`.
enum GGUFValueType: UInt32 {
  case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

  /// The fewest bytes that an element takes in an array.
  var smallest: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64, .string: 8
    case .array: 12
    }
  }
}
