@_spi(_Unicode) import Swift

/// What is done to text before it is split: the `normalizer` of a tokenizer.
indirect enum TextNormalizer: Sendable {
  /// Canonical composition (UAX #15).
  case composed
  case prepend([Unicode.Scalar])
  case replace(TextPattern, with: [Unicode.Scalar])
  case strip(left: Bool, right: Bool)
  case sequence([TextNormalizer])

  func apply(_ text: ArraySlice<Unicode.Scalar>) -> ArraySlice<Unicode.Scalar> {
    switch self {
    case .composed:
      // Below U+0300 nothing composes with what follows, and nothing decomposes.
      if text.allSatisfy({ $0.value < 0x300 }) { return text }
      return Array(String(scalars: text)._nfc)[...]
    case .prepend(let prefix): return text.isEmpty ? text : (prefix + text)[...]
    case .replace(let pattern, let replacement):
      let matches = pattern.matches(in: text)
      if matches.isEmpty { return text }
      var result: [Unicode.Scalar] = []
      var copied = text.startIndex
      for match in matches {
        result += text[copied..<match.lowerBound]
        result += replacement
        copied = match.upperBound
      }
      return (result + text[copied...])[...]
    case .strip(let left, let right):
      var stripped = text
      if left { stripped = stripped.drop { $0.properties.isWhitespace } }
      if right { while let last = stripped.last, last.properties.isWhitespace { stripped.removeLast() } }
      return stripped
    case .sequence(let parts): return parts.reduce(text) { $1.apply($0) }
    }
  }
}

/// What a normalizer or a split looks for: a literal, or a regular expression.
enum TextPattern: Sendable {
  case literal([Unicode.Scalar])
  case expression(Pattern)

  func matches(in text: ArraySlice<Unicode.Scalar>) -> [Range<Int>] {
    switch self {
    case .expression(let pattern): return pattern.matches(in: text)
    case .literal(let wanted):
      guard let first = wanted.first else { return [] }
      var found: [Range<Int>] = []
      var position = text.startIndex
      while position <= text.endIndex - wanted.count {
        if text[position] == first, text[position...].starts(with: wanted) {
          found.append(position..<position + wanted.count)
          position += wanted.count
        } else {
          position += 1
        }
      }
      return found
    }
  }
}
