/// How tokens become text again: the `decoder` of a tokenizer.
indirect enum TokenDecoder: Sendable {
  /// Tokens joined by spaces: what a tokenizer without a decoder does.
  case spaced
  /// Tokens as they are.
  case joined
  /// Scalars of the byte alphabet back to bytes.
  case byteLevel
  case replace(TextPattern, with: [Unicode.Scalar])
  /// Runs of `<0xNN>` to the text of their bytes, or to one U+FFFD for each byte where they are no UTF-8.
  case byteFallback
  /// All tokens to one.
  case fuse
  /// Up to so many of a scalar off the ends of each token.
  case strip(Unicode.Scalar, left: Int, right: Int)
  /// Marks back to spaces, the first token's leading one dropped where encoding put it there.
  case metaspace(mark: Unicode.Scalar, dropsFirst: Bool)
  case sequence([TokenDecoder])

  func text(of tokens: [String]) -> String {
    if case .spaced = self { return tokens.joined(separator: " ") }
    return apply(tokens).joined()
  }

  private func apply(_ tokens: [String]) -> [String] {
    switch self {
    case .spaced, .joined: return tokens
    case .sequence(let parts): return parts.reduce(tokens) { $1.apply($0) }
    case .fuse: return [tokens.joined()]
    case .byteLevel:
      var bytes: [UInt8] = []
      for token in tokens {
        let spelled = token.unicodeScalars.map { ByteAlphabet.byte(of: $0) }
        let plain = spelled.compactMap { $0 }
        // A token with a scalar outside the alphabet is text of its own.
        bytes += plain.count == spelled.count ? plain : Array(token.utf8)
      }
      return [String(decoding: bytes, as: UTF8.self)]
    case .replace(let pattern, let replacement):
      let normalizer = TextNormalizer.replace(pattern, with: replacement)
      return tokens.map { String(scalars: normalizer.apply(Array($0.unicodeScalars)[...])) }
    case .strip(let scalar, let left, let right):
      return tokens.map { token in
        var kept = Array(token.unicodeScalars)[...]
        for _ in 0..<left where kept.first == scalar { kept.removeFirst() }
        for _ in 0..<right where kept.last == scalar { kept.removeLast() }
        return String(scalars: kept)
      }
    case .metaspace(let mark, let dropsFirst):
      return tokens.enumerated().map { index, token in
        let scalars = token.unicodeScalars.filter { !(index == 0 && dropsFirst && $0 == mark) }
        return String(scalars: scalars.map { $0 == mark ? " " : $0 })
      }
    case .byteFallback: return Self.withBytesJoined(tokens)
    }
  }

  private static func withBytesJoined(_ tokens: [String]) -> [String] {
    var result: [String] = []
    var bytes: [UInt8] = []
    func flush() {
      if bytes.isEmpty { return }
      if let text = String(validating: bytes, as: UTF8.self) {
        result.append(text)
      } else {
        result += Array(repeating: "\u{FFFD}", count: bytes.count)
      }
      bytes.removeAll()
    }
    for token in tokens {
      if let byte = byte(of: token) {
        bytes.append(byte)
      } else {
        flush()
        result.append(token)
      }
    }
    flush()
    return result
  }

  /// The byte that a token such as `<0x0A>` stands for.
  private static func byte(of token: String) -> UInt8? {
    let units = Array(token.utf8)
    guard units.count == 6, token.hasPrefix("<0x"), units[5] == UInt8(ascii: ">") else { return nil }
    return UInt8(String(decoding: units[3..<5], as: UTF8.self), radix: 16)
  }
}
