extension JSONValue {
  /// The longest JSON file that is read: far beyond any configuration.
  private static let longestFile = 16 << 20

  /// Reads JSON text.
  public init(parsing text: [UInt8]) throws(JSONError) { self = try JSONParser.parse(text) }

  /// The bytes of a JSON file, checked to be of reasonable length.
  public static func bytes(ofFile path: String) throws(FileError) -> [UInt8] {
    try InputFile.contents(of: path, limit: longestFile)
  }

  /// The value as JSON text with sorted keys, so that equal values have equal texts.
  ///
  /// - Parameter indent: spaces a level, each member on a line of its own; `nil` for one line without spaces.
  public func text(indent: Int? = nil) -> String {
    var text = ""
    write(to: &text, indent: indent, depth: 0)
    return text
  }

  private func write(to text: inout String, indent: Int?, depth: Int) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .number(let value): text += JSONValue.spelling(value)
    case .string(let value): JSONValue.quote(value, to: &text)
    case .array(let elements):
      JSONValue.list("[", "]", elements, to: &text, indent: indent, depth: depth) { element, text in
        element.write(to: &text, indent: indent, depth: depth + 1)
      }
    case .object(let members):
      let sorted = members.sorted { $0.key < $1.key }
      JSONValue.list("{", "}", sorted, to: &text, indent: indent, depth: depth) { member, text in
        JSONValue.quote(member.key, to: &text)
        text += indent == nil ? ":" : ": "
        member.value.write(to: &text, indent: indent, depth: depth + 1)
      }
    }
  }

  private static func list<Element>(
    _ opening: String, _ closing: String, _ elements: [Element], to text: inout String, indent: Int?, depth: Int,
    element write: (Element, inout String) -> Void
  ) {
    text += opening
    for (index, element) in elements.enumerated() {
      if index > 0 { text += "," }
      if let indent { text += "\n" + String(repeating: " ", count: indent * (depth + 1)) }
      write(element, &text)
    }
    if let indent, !elements.isEmpty { text += "\n" + String(repeating: " ", count: indent * depth) }
    text += closing
  }

  /// The words of Python's `json` for what JSON cannot say.
  private static func spelling(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
    return "\(value)"
  }

  private static func quote(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      case ..<" ":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
