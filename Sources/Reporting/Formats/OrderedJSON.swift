/// A JSON value whose members keep the order in which they were given.
///
/// Written by hand because the order of keys is part of what the commands promise, which an encoder does not keep.
public indirect enum OrderedJSON: Hashable, Sendable {
  case object([Member])
  case array([OrderedJSON])
  case string(String)
  case integer(Int)
  case number(Double)
  case bool(Bool)
  case null

  public struct Member: Hashable, Sendable {
    public let key: String
    public let value: OrderedJSON

    public init(_ key: String, _ value: OrderedJSON) {
      self.key = key
      self.value = value
    }
  }
}

extension OrderedJSON: ExpressibleByDictionaryLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
  public init(dictionaryLiteral members: (String, OrderedJSON)...) { self = .object(members.map { Member($0, $1) }) }
  public init(stringLiteral text: String) { self = .string(text) }
  public init(arrayLiteral elements: OrderedJSON...) { self = .array(elements) }

  public static func optional(_ value: Int?) -> OrderedJSON { value.map { .integer($0) } ?? .null }
  public static func optional(_ value: Double?) -> OrderedJSON { value.map { .number($0) } ?? .null }
  public static func optional(_ value: String?) -> OrderedJSON { value.map { .string($0) } ?? .null }
}

extension OrderedJSON {
  /// RFC 8259 text: objects and arrays on one line where they fit, spread out otherwise.
  public var text: String {
    var writer = JSONWriter()
    writer.spread(self, indentation: 0)
    return writer.text
  }

  /// The value on one line, as in files of one object a line.
  public var line: String {
    var writer = JSONWriter()
    writer.line(self)
    return writer.text
  }
}
