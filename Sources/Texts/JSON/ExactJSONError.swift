/// Why bytes are not JSON, and at which byte.
public enum ExactJSONError: Error, Hashable, Sendable {
  /// The document ends inside a value.
  case endsEarly(offset: Int)
  /// A byte that cannot stand here.
  case unexpected(byte: UInt8, offset: Int)
  /// An escape that is none of RFC 8259's, or half of a surrogate pair.
  case badEscape(offset: Int)
  /// Bytes in a string that are not UTF-8.
  case notUTF8(offset: Int)
  /// A number that is not one of RFC 8259's, or beyond what can be held.
  case badNumber(offset: Int)
  /// Arrays and objects nested deeper than is read.
  case tooDeep(limit: Int, offset: Int)
  /// More after the one value.
  case trailing(offset: Int)
}

extension ExactJSONError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .endsEarly(let offset): "the JSON ends inside a value, at byte \(offset)"
    case .unexpected(let byte, let offset):
      "byte \(offset) of the JSON is \(ExactJSONError.shown(byte)), which cannot stand there"
    case .badEscape(let offset): "the escape at byte \(offset) of the JSON stands for no Unicode scalar"
    case .notUTF8(let offset): "the JSON string at byte \(offset) is not UTF-8"
    case .badNumber(let offset): "the number at byte \(offset) of the JSON cannot be read"
    case .tooDeep(let limit, let offset): "the JSON is nested deeper than \(limit) levels at byte \(offset)"
    case .trailing(let offset): "the JSON value ends before byte \(offset), and more follows"
    }
  }

  private static func shown(_ byte: UInt8) -> String {
    (0x21...0x7E).contains(byte) ? "'\(Unicode.Scalar(byte))'" : "0x" + String(byte, radix: 16, uppercase: true)
  }
}
