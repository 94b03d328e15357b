/// Reads JSON (RFC 8259) with the three numbers that Python's `json` adds: `NaN`, `Infinity`, `-Infinity`.
///
/// A parser of our own because the files it meets must be refused precisely: where the text breaks off, which key
/// comes twice, and how deep it may nest are things that a decoder for well-formed data does not say.
struct JSONParser {
  /// Deeper than any configuration, shallow enough for the smallest stack of a thread.
  static let deepest = 128

  private let text: [UInt8]
  private var offset = 0
  private var depth = 0

  private init(_ text: [UInt8]) { self.text = text }

  static func parse(_ text: [UInt8]) throws(JSONError) -> JSONValue {
    var parser = JSONParser(text)
    let value = try parser.value()
    parser.skipWhitespace()
    guard parser.peek == nil else { throw parser.unexpected("the end of the text") }
    return value
  }

  private var peek: UInt8? { offset < text.count ? text[offset] : nil }

  private mutating func skipWhitespace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
  }

  private mutating func value() throws(JSONError) -> JSONValue {
    skipWhitespace()
    guard let byte = peek else { throw unexpected("a value") }
    switch byte {
    case UInt8(ascii: "{"): return try nested { (parser) throws(JSONError) in try parser.object() }
    case UInt8(ascii: "["): return try nested { (parser) throws(JSONError) in try parser.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default:
      for (word, value) in JSONParser.words where take(word) { return value }
      throw unexpected("a value")
    }
  }

  private static let words: [(StaticString, JSONValue)] = [
    ("true", .bool(true)), ("false", .bool(false)), ("null", .null), ("NaN", .number(.nan)),
    ("Infinity", .number(.infinity)),
  ]

  private mutating func take(_ word: StaticString) -> Bool {
    word.withUTF8Buffer { letters in
      guard text.count - offset >= letters.count, text[offset..<offset + letters.count].elementsEqual(letters) else {
        return false
      }
      offset += letters.count
      return true
    }
  }

  private mutating func nested(
    _ read: (inout JSONParser) throws(JSONError) -> JSONValue
  ) throws(JSONError) -> JSONValue {
    guard depth < JSONParser.deepest else { throw .nestedTooDeeply(limit: JSONParser.deepest, at: position) }
    depth += 1
    defer { depth -= 1 }
    offset += 1
    return try read(&self)
  }

  private mutating func object() throws(JSONError) -> JSONValue {
    var members: [String: JSONValue] = [:]
    skipWhitespace()
    if takeByte("}") { return .object(members) }
    while true {
      skipWhitespace()
      guard peek == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
      let start = offset
      let key = try string()
      skipWhitespace()
      guard takeByte(":") else { throw unexpected("a colon") }
      let value = try value()
      guard members.updateValue(value, forKey: key) == nil else { throw .duplicateKey(key, at: position(of: start)) }
      skipWhitespace()
      if takeByte("}") { return .object(members) }
      guard takeByte(",") else { throw unexpected("a comma or the end of the object") }
    }
  }

  private mutating func array() throws(JSONError) -> JSONValue {
    var elements: [JSONValue] = []
    skipWhitespace()
    if takeByte("]") { return .array(elements) }
    while true {
      elements.append(try value())
      skipWhitespace()
      if takeByte("]") { return .array(elements) }
      guard takeByte(",") else { throw unexpected("a comma or the end of the list") }
    }
  }

  private mutating func takeByte(_ byte: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: byte) else { return false }
    offset += 1
    return true
  }

  // MARK: Numbers

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = offset
    if takeByte("-"), take("Infinity") { return .number(-.infinity) }
    let whole = digits()
    // "007" would be octal to some and seven to others.
    let hasLeadingZero = whole.count > 1 && text[whole.lowerBound] == UInt8(ascii: "0")
    var isWellFormed = !whole.isEmpty && !hasLeadingZero
    var isInteger = true
    if takeByte(".") {
      isInteger = false
      isWellFormed = !digits().isEmpty && isWellFormed
    }
    if takeByte("e") || takeByte("E") {
      isInteger = false
      if !takeByte("+") { _ = takeByte("-") }
      isWellFormed = !digits().isEmpty && isWellFormed
    }
    let spelling = String(decoding: text[start..<offset], as: UTF8.self)
    guard isWellFormed else { throw .invalidNumber(spelling, at: position(of: start)) }
    if isInteger, let value = Int(spelling) { return .integer(value) }
    guard let value = Double(spelling) else { throw .invalidNumber(spelling, at: position(of: start)) }
    return .number(value)
  }

  private mutating func digits() -> Range<Int> {
    let start = offset
    while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
    return start..<offset
  }
}

// MARK: Strings

extension JSONParser {
  private mutating func string() throws(JSONError) -> String {
    let opening = offset
    offset += 1
    let start = offset
    // Most strings have no escape: they are one slice of the text.
    while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { offset += 1 }
    if takeByte("\"") { return try decoded(text[start..<offset - 1], from: opening) }
    var bytes = Array(text[start..<offset])
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        return try decoded(bytes[...], from: opening)
      case UInt8(ascii: "\\"):
        offset += 1
        bytes += try escape().utf8
      case ..<0x20: throw .invalidString(reason: "holds a control character that is not escaped", at: position)
      default:
        bytes.append(byte)
        offset += 1
      }
    }
    throw unexpected("the closing quote of a string")
  }

  private func decoded(_ bytes: ArraySlice<UInt8>, from opening: Int) throws(JSONError) -> String {
    guard let string = String(validating: bytes, as: UTF8.self) else {
      throw .invalidString(reason: "is not UTF-8", at: position(of: opening))
    }
    return string
  }

  private mutating func escape() throws(JSONError) -> String {
    guard let byte = peek else { throw unexpected("an escaped character") }
    offset += 1
    switch byte {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try unicodeEscape()
    default:
      offset -= 1
      throw unexpected("an escape that JSON knows")
    }
  }

  private mutating func unicodeEscape() throws(JSONError) -> String {
    let start = offset
    let first = try codeUnit()
    var units = [first]
    if UTF16.isLeadSurrogate(first), takeByte("\\"), takeByte("u") { units.append(try codeUnit()) }
    guard let text = String(validating: units, as: UTF16.self) else {
      throw .invalidString(reason: "holds half of a surrogate pair", at: position(of: start))
    }
    return text
  }

  private mutating func codeUnit() throws(JSONError) -> UInt16 {
    let end = min(offset + 4, text.count)
    let spelling = String(decoding: text[offset..<end], as: UTF8.self)
    guard end - offset == 4, spelling.allSatisfy(\.isHexDigit), let unit = UInt16(spelling, radix: 16) else {
      throw .invalidString(reason: "holds \\u without four hexadecimal digits", at: position)
    }
    offset = end
    return unit
  }
}

// MARK: Errors

extension JSONParser {
  private func unexpected(_ expected: String) -> JSONError {
    guard let byte = peek else { return .unexpectedEnd(expected: expected, at: position) }
    let isPrintable = (0x21...0x7E).contains(byte)
    let found = isPrintable ? "\"\(Unicode.Scalar(byte))\"" : "the byte 0x\(String(byte, radix: 16))"
    return .unexpectedCharacter(found, expected: expected, at: position)
  }

  private var position: JSONPosition { position(of: offset) }

  private func position(of offset: Int) -> JSONPosition {
    let before = text[..<min(offset, text.count)]
    let line = before.count { $0 == 0x0A } + 1
    let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return JSONPosition(line: line, column: before.count - start + 1)
  }
}
