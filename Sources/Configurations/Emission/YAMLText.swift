import Modeling

/// Values as YAML that PyYAML and ours read alike.
enum YAMLText {
  static func text(_ members: [(String, JSONValue)], indent: Int = 0) -> String {
    let space = String(repeating: " ", count: indent)
    return members.map { name, value in
      switch value {
      case .object(let inner) where !inner.isEmpty:
        "\(space)\(name):\n" + text(ordered(inner), indent: indent + 2)
      default: "\(space)\(name): \(inline(value))\n"
      }
    }.joined()
  }

  /// A component's name goes before its arguments.
  private static func ordered(_ members: [String: JSONValue]) -> [(String, JSONValue)] {
    members.sorted { $0.key == "_component_" ? $1.key != "_component_" : $1.key != "_component_" && $0.key < $1.key }
  }

  private static func inline(_ value: JSONValue) -> String {
    switch value {
    case .null: "null"
    case .bool(let flag): flag ? "true" : "false"
    case .integer(let integer): "\(integer)"
    case .number(let number): spelling(number)
    case .string(let text): quoted(text)
    case .array(let elements): "[" + elements.map(inline).joined(separator: ", ") + "]"
    case .object: "{}"
    }
  }

  /// PyYAML's floats have a point: `2e-05` would be a string to it.
  static func spelling(_ number: Double) -> String {
    let text = "\(number)"
    guard let mark = text.firstIndex(of: "e"), !text.contains(".") else { return text }
    return text[..<mark] + ".0" + text[mark...]
  }

  /// Bare where nothing else could be meant.
  private static func quoted(_ text: String) -> String {
    let isBare =
      text.first?.isLetter == true
      && text.unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || "0123456789._-/".unicodeScalars.contains($0))
      }
    if isBare, case .string = YAMLScalar.plain(text) { return text }
    return JSONValue.string(text).text()
  }
}
