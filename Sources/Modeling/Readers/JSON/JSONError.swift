/// Why a text is no JSON, and where.
public enum JSONError: Error, Hashable, CustomStringConvertible {
  case unexpectedEnd(expected: String, at: JSONPosition)
  case unexpectedCharacter(String, expected: String, at: JSONPosition)
  case invalidNumber(String, at: JSONPosition)
  case invalidString(reason: String, at: JSONPosition)
  case duplicateKey(String, at: JSONPosition)
  case nestedTooDeeply(limit: Int, at: JSONPosition)

  public var description: String {
    switch self {
    case .unexpectedEnd(let expected, let position): "\(position): the text ends where \(expected) should come"
    case .unexpectedCharacter(let found, let expected, let position):
      "\(position): \(found) stands where \(expected) should come"
    case .invalidNumber(let text, let position): "\(position): \(text) is no JSON number"
    case .invalidString(let reason, let position): "\(position): a string \(reason)"
    case .duplicateKey(let key, let position): "\(position): the key \"\(key)\" comes a second time in one object"
    case .nestedTooDeeply(let limit, let position): "\(position): values are nested more than \(limit) deep"
    }
  }
}

/// A place in a text, both counted from 1; columns count bytes.
public struct JSONPosition: Hashable, Sendable, CustomStringConvertible {
  public let line: Int
  public let column: Int

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  public var description: String { "line \(line), column \(column)" }
}
