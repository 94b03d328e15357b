/// A JSON value whose members keep the order in which they were given.
///
/// Written by hand because the order of keys is part of what the commands promise, which an encoder does not keep.
public indirect enum OrderedJSON: Hashable, Sendable {
  case object([Member])
  case array([OrderedJSON])
  case string(String)
  case integer(Int)
  case number(Double)
  case bool(Bool)
  case null

  public struct Member: Hashable, Sendable {
    public let key: String
    public let value: OrderedJSON

    public init(_ key: String, _ value: OrderedJSON) {
      self.key = key
      self.value = value
    }
  }
}

extension OrderedJSON: ExpressibleByDictionaryLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
  public init(dictionaryLiteral members: (String, OrderedJSON)...) { self = .object(members.map { Member($0, $1) }) }
  public init(stringLiteral text: String) { self = .string(text) }
  public init(arrayLiteral elements: OrderedJSON...) { self = .array(elements) }

  public static func optional(_ value: Int?) -> OrderedJSON { value.map { .integer($0) } ?? .null }
  public static func optional(_ value: Double?) -> OrderedJSON { value.map { .number($0) } ?? .null }
  public static func optional(_ value: String?) -> OrderedJSON { value.map { .string($0) } ?? .null }
}

extension OrderedJSON {
  /// RFC 8259 text: objects and arrays on one line where they fit, spread out otherwise.
  public var text: String { spread(indentation: 0) }

  /// The value on one line, as in files of one object a line.
  public var line: String {
    switch self {
    case .object(let members):
      "{" + members.map { OrderedJSON.quoted($0.key) + ": " + $0.value.line }.joined(separator: ", ") + "}"
    case .array(let elements): "[" + elements.map(\.line).joined(separator: ", ") + "]"
    case .string(let text): OrderedJSON.quoted(text)
    case .integer(let value): String(value)
    // JSON has no infinities and no NaN.
    case .number(let value): value.isFinite ? String(value) : "null"
    case .bool(let value): String(value)
    case .null: "null"
    }
  }

  private static let lineWidth = 160

  private var isNested: Bool {
    switch self {
    case .object(let members): members.contains { $0.value.isContainer }
    case .array(let elements): elements.contains { $0.isContainer }
    default: false
    }
  }

  private var isListOfObjects: Bool {
    guard case .array(let elements) = self else { return false }
    return elements.contains { if case .object = $0 { true } else { false } }
  }

  private var isContainer: Bool {
    switch self {
    case .object(let members): !members.isEmpty
    case .array(let elements): !elements.isEmpty
    default: false
    }
  }

  private func spread(indentation: Int) -> String {
    // An entry stays on a line with the shape inside it; objects stand one a line, and a whole report never does.
    if !isNested || (indentation >= 4 && !isListOfObjects) {
      let line = line
      if line.utf8.count + indentation <= OrderedJSON.lineWidth || !isContainer { return line }
    }
    let outer = String(repeating: " ", count: indentation)
    let inner = outer + "  "
    switch self {
    case .object(let members):
      let lines = members.map {
        inner + OrderedJSON.quoted($0.key) + ": " + $0.value.spread(indentation: indentation + 2)
      }
      return "{\n" + lines.joined(separator: ",\n") + "\n" + outer + "}"
    case .array(let elements):
      let lines = elements.map { inner + $0.spread(indentation: indentation + 2) }
      return "[\n" + lines.joined(separator: ",\n") + "\n" + outer + "]"
    default: return line
    }
  }

  /// A string literal (RFC 8259, section 7).
  private static func quoted(_ text: String) -> String {
    var literal = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": literal += "\\\""
      case "\\": literal += "\\\\"
      case "\n": literal += "\\n"
      case "\r": literal += "\\r"
      case "\t": literal += "\\t"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        literal += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: literal.unicodeScalars.append(scalar)
      }
    }
    return literal + "\""
  }
}
