/// Words that people wrote into a table, made ready to be searched.
///
/// Capitals, punctuation and spacing don't count: `bf16 autocast (AMP)` says `autocast amp`. A point between digits
/// stays, so that versions do.
struct FreeText: Hashable {
  /// Words between single spaces, one before the first and one behind the last.
  private let padded: String

  init(_ text: String?) {
    var words: [String] = []
    var word = ""
    let scalars = Array((text ?? "").lowercased().unicodeScalars)
    for (place, scalar) in scalars.enumerated() {
      let isPoint =
        scalar == "." && place > 0 && place + 1 < scalars.count && FreeText.isDigit(scalars[place - 1])
        && FreeText.isDigit(scalars[place + 1])
      if FreeText.isWord(scalar) || isPoint {
        word.unicodeScalars.append(scalar)
      } else if !word.isEmpty {
        words.append(word)
        word = ""
      }
    }
    if !word.isEmpty { words.append(word) }
    padded = " " + words.joined(separator: " ") + " "
  }

  var isEmpty: Bool { padded == "  " || padded == " " }

  var words: [String] { padded.split(separator: " ").map(String.init) }

  /// Whether these words stand in it side by side, each whole.
  func says(_ phrase: String) -> Bool { padded.contains(" " + phrase + " ") }

  func saysAny(_ phrases: String...) -> Bool { phrases.contains(where: says) }

  /// Whether these letters stand anywhere, inside a word too.
  func has(_ part: String) -> Bool { padded.contains(part) }

  func hasAny(_ parts: String...) -> Bool { parts.contains(where: has) }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

  private static func isWord(_ scalar: Unicode.Scalar) -> Bool { isDigit(scalar) || ("a"..."z").contains(scalar) }
}
