import Bookkeeping

/// Pieces of an SVG picture as text: elements with their attributes, and text that cannot break out of them.
enum SVG {
  /// `<name key="value" …>content</name>`, or an empty element where there is no content.
  static func element(_ name: String, _ attributes: KeyValuePairs<String, String>, _ content: String? = nil) -> String {
    let list = attributes.map { " \($0.key)=\"\(escaped($0.value))\"" }.joined()
    guard let content else { return "<\(name)\(list)/>\n" }
    return "<\(name)\(list)>\(content)</\(name)>\n"
  }

  /// A coordinate, in as few digits as a screen can show.
  static func number(_ value: Double) -> String { Fixed.text(value, decimals: 1) }

  /// Text for content and attributes.
  static func escaped(_ text: String) -> String {
    var escaped = ""
    for character in Printable.line(text) {
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      default: escaped.append(character)
      }
    }
    return escaped
  }
}
