/// Reads one JSON value (RFC 8259) from UTF-8 bytes.
package struct ExactJSONParser {
  /// Nesting beyond this is refused: the parser recurses, and a file must not be able to exhaust the stack.
  package static let depthLimit = 256

  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The one value in `bytes`; anything but white space after it is an error.
  package static func parse(_ bytes: [UInt8]) throws(ExactJSONError) -> ExactJSON {
    var parser = ExactJSONParser(bytes)
    let value = try parser.value()
    parser.skipSpace()
    if parser.position < bytes.count { throw .trailing(offset: parser.position) }
    return value
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  /// The next byte that is not white space, left unread.
  private mutating func peek() throws(ExactJSONError) -> UInt8 {
    skipSpace()
    guard position < bytes.count else { throw .endsEarly(offset: position) }
    return bytes[position]
  }

  private mutating func value() throws(ExactJSONError) -> ExactJSON {
    switch try peek() {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case let byte: throw .unexpected(byte: byte, offset: position)
    }
  }

  private mutating func word(_ text: StaticString, _ value: ExactJSON) throws(ExactJSONError) -> ExactJSON {
    for expected in "\(text)".utf8 {
      guard position < bytes.count else { throw .endsEarly(offset: position) }
      guard bytes[position] == expected else { throw .unexpected(byte: bytes[position], offset: position) }
      position += 1
    }
    return value
  }

  private mutating func enter() throws(ExactJSONError) {
    position += 1
    depth += 1
    if depth > Self.depthLimit { throw .tooDeep(limit: Self.depthLimit, offset: position) }
  }

  private mutating func array() throws(ExactJSONError) -> ExactJSON {
    try enter()
    var elements: [ExactJSON] = []
    if try peek() == UInt8(ascii: "]") {
      position += 1
    } else {
      repeat { elements.append(try value()) } while try goesOn(until: UInt8(ascii: "]"))
    }
    depth -= 1
    return .array(elements)
  }

  private mutating func object() throws(ExactJSONError) -> ExactJSON {
    try enter()
    var members: [ExactJSON.Member] = []
    if try peek() == UInt8(ascii: "}") {
      position += 1
    } else {
      repeat {
        let quote = try peek()
        guard quote == UInt8(ascii: "\"") else { throw .unexpected(byte: quote, offset: position) }
        let key = try string()
        let colon = try peek()
        guard colon == UInt8(ascii: ":") else { throw .unexpected(byte: colon, offset: position) }
        position += 1
        members.append(ExactJSON.Member(key: key, value: try value()))
      } while try goesOn(until: UInt8(ascii: "}"))
    }
    depth -= 1
    return .object(members)
  }

  /// Whether a comma follows (true) or the closing byte (false).
  private mutating func goesOn(until close: UInt8) throws(ExactJSONError) -> Bool {
    let byte = try peek()
    guard byte == close || byte == UInt8(ascii: ",") else { throw .unexpected(byte: byte, offset: position) }
    position += 1
    return byte != close
  }

  private mutating func number() throws(ExactJSONError) -> ExactJSON {
    let start = position
    var isIntegral = true
    if bytes[position] == UInt8(ascii: "-") { position += 1 }
    let digits = try run(ofDigitsFrom: start)
    if digits > 1, bytes[position - digits] == UInt8(ascii: "0") { throw .badNumber(offset: start) }
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      isIntegral = false
      position += 1
      _ = try run(ofDigitsFrom: start)
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      isIntegral = false
      position += 1
      if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
        position += 1
      }
      _ = try run(ofDigitsFrom: start)
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isIntegral, let integer = Int(text) { return .integer(integer) }
    guard let number = Double(text), number.isFinite else { throw .badNumber(offset: start) }
    return .number(number)
  }

  /// How many digits stand here, which are read; none is an error of the number that began at `start`.
  private mutating func run(ofDigitsFrom start: Int) throws(ExactJSONError) -> Int {
    let first = position
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { position += 1 }
    if position == first { throw .badNumber(offset: start) }
    return position - first
  }

  private mutating func string() throws(ExactJSONError) -> String {
    position += 1
    let start = position
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        guard let text = String(validating: bytes[start..<position], as: UTF8.self) else {
          throw .notUTF8(offset: start)
        }
        position += 1
        return text
      case UInt8(ascii: "\\"): return try escapedString(from: start)
      case 0..<0x20: throw .unexpected(byte: bytes[position], offset: position)
      default: position += 1
      }
    }
    throw .endsEarly(offset: position)
  }

  /// The rest of a string that has an escape: unescaped into a buffer of its own.
  private mutating func escapedString(from start: Int) throws(ExactJSONError) -> String {
    var buffer = Array(bytes[start..<position])
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: buffer, as: UTF8.self) else { throw .notUTF8(offset: start) }
        position += 1
        return text
      case UInt8(ascii: "\\"): buffer.append(contentsOf: Array(String(try escape()).utf8))
      case 0..<0x20: throw .unexpected(byte: byte, offset: position)
      default:
        buffer.append(byte)
        position += 1
      }
    }
    throw .endsEarly(offset: position)
  }

  private mutating func escape() throws(ExactJSONError) -> Unicode.Scalar {
    let start = position
    guard position + 1 < bytes.count else { throw .endsEarly(offset: bytes.count) }
    let letter = bytes[position + 1]
    position += 2
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): break
    default: throw .badEscape(offset: start)
    }
    let unit = try hexUnit(of: start)
    if let scalar = Unicode.Scalar(unit) { return scalar }
    // A high surrogate stands for something only with the low one that must follow it.
    guard unit < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    else { throw .badEscape(offset: start) }
    position += 2
    let low = try hexUnit(of: start)
    guard (0xDC00...0xDFFF).contains(low),
      let scalar = Unicode.Scalar(0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
    else { throw .badEscape(offset: start) }
    return scalar
  }

  private mutating func hexUnit(of start: Int) throws(ExactJSONError) -> UInt16 {
    guard position + 4 <= bytes.count else { throw .endsEarly(offset: bytes.count) }
    let digits = bytes[position..<position + 4]
    guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 }),
      let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw .badEscape(offset: start) }
    position += 4
    return unit
  }
}
