/// Writes JSON into one buffer of UTF-8: a receipt of a large model has thousands of entries.
struct JSONWriter {
  private var bytes: [UInt8] = []

  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Columns up to which a value stays on its line.
  private static let width = 160

  mutating func line(_ value: OrderedJSON) {
    switch value {
    case .object(let members):
      list(members, between: ("{", "}")) { writer, member in
        writer.key(member.key)
        writer.line(member.value)
      }
    case .array(let elements): list(elements, between: ("[", "]")) { $0.line($1) }
    case .string(let text): quoted(text)
    case .integer(let number): append(String(number))
    // JSON has no infinities and no NaN.
    case .number(let number): append(number.isFinite ? String(number) : "null")
    case .bool(let flag): append(String(flag))
    case .null: append("null")
    }
  }

  /// Writes `value` on one line where it fits, and one member or element a line otherwise.
  mutating func spread(_ value: OrderedJSON, indentation: Int) {
    // An entry stays on a line with the shape inside it; objects stand one a line, and a whole report never does.
    if !value.isNested || (indentation >= 4 && !value.isListOfObjects) {
      let start = bytes.count
      line(value)
      if bytes.count - start + indentation <= JSONWriter.width || !value.isContainer { return }
      bytes.removeSubrange(start...)
    }
    switch value {
    case .object(let members):
      block(members, between: ("{", "}"), indentation) { writer, member in
        writer.key(member.key)
        writer.spread(member.value, indentation: indentation + 2)
      }
    case .array(let elements):
      block(elements, between: ("[", "]"), indentation) { $0.spread($1, indentation: indentation + 2) }
    default: line(value)
    }
  }

  private mutating func list<Item>(
    _ items: [Item], between ends: (String, String), _ write: (inout JSONWriter, Item) -> Void
  ) {
    append(ends.0)
    for (place, item) in items.enumerated() {
      if place > 0 { append(", ") }
      write(&self, item)
    }
    append(ends.1)
  }

  private mutating func block<Item>(
    _ items: [Item], between ends: (String, String), _ indentation: Int, _ write: (inout JSONWriter, Item) -> Void
  ) {
    append(ends.0)
    for (place, item) in items.enumerated() {
      append(place > 0 ? ",\n" : "\n")
      append(String(repeating: " ", count: indentation + 2))
      write(&self, item)
    }
    append("\n")
    append(String(repeating: " ", count: indentation))
    append(ends.1)
  }

  private mutating func key(_ key: String) {
    quoted(key)
    append(": ")
  }

  /// A string literal (RFC 8259, section 7); UTF-8 beyond ASCII stays as it is.
  private mutating func quoted(_ text: String) {
    append("\"")
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case UInt8(ascii: "\n"): append("\\n")
      case UInt8(ascii: "\r"): append("\\r")
      case UInt8(ascii: "\t"): append("\\t")
      case ..<0x20: append((byte < 0x10 ? "\\u000" : "\\u00") + String(byte, radix: 16))
      default: bytes.append(byte)
      }
    }
    append("\"")
  }

  private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
}

extension OrderedJSON {
  /// Whether something is in it.
  fileprivate var isContainer: Bool {
    switch self {
    case .object(let members): !members.isEmpty
    case .array(let elements): !elements.isEmpty
    default: false
    }
  }

  /// Whether something is in something that is in it.
  fileprivate var isNested: Bool {
    switch self {
    case .object(let members): members.contains { $0.value.isContainer }
    case .array(let elements): elements.contains { $0.isContainer }
    default: false
    }
  }

  fileprivate var isListOfObjects: Bool {
    guard case .array(let elements) = self else { return false }
    return elements.contains { if case .object = $0 { true } else { false } }
  }
}
