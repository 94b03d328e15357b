/// Text that comes from files and other programs, made fit for a terminal.
public enum Printable {
  /// `text` on one line: line ends and tabs become spaces, other control characters are left out.
  ///
  /// A model's name may hold anything, an escape sequence included.
  public static func line(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var line = ""
    for scalar in text.unicodeScalars {
      if !isControl(scalar) {
        line.unicodeScalars.append(scalar)
      } else if scalar.properties.isWhitespace, line.last != " " {
        line.append(" ")
      }
    }
    return line
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator, .format: true
    default: false
    }
  }

  /// `text` in at most `width` columns: what is cut out of its middle is marked with an ellipsis.
  ///
  /// Names of tensors differ at both ends.
  static func shortened(_ text: String, to width: Int) -> String {
    guard text.count > width else { return text }
    guard width > 1 else { return String(text.prefix(max(0, width))) }
    let tail = width / 2
    return text.prefix(width - 1 - tail) + "…" + text.suffix(tail)
  }

  /// Lines of at most `width` columns, broken between words but never after a number; a longer word stays whole.
  static func wrapped(_ text: String, to width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in words(of: text) {
      if !line.isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? word : " " + word
    }
    return lines + (line.isEmpty ? [] : [line])
  }

  /// The words of a sentence, a number together with its unit.
  private static func words(of text: String) -> [String] {
    var words: [String] = []
    for word in text.split(separator: " ") {
      if let last = words.last, last.last?.isNumber == true {
        words[words.count - 1] = last + " " + word
      } else {
        words.append(String(word))
      }
    }
    return words
  }
}
