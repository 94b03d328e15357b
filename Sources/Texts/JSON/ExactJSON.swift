/// A JSON document as it was written: order of keys kept, strings exact to the scalar.
///
/// Objects are arrays of members on purpose. A Swift dictionary keyed by `String` takes "é" and "e" + U+0301 for one
/// key, and a tokenizer's vocabulary may well hold both.
package enum ExactJSON: Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([ExactJSON])
  case object([Member])

  package struct Member: Sendable {
    package let key: String
    package let value: ExactJSON
  }
}

extension ExactJSON {
  /// The value of the last member with this key, as JSON readers have it; nil where this is no object.
  package subscript(key: String) -> ExactJSON? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }

  package var string: String? { if case .string(let text) = self { text } else { nil } }
  package var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }
  package var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  package var array: [ExactJSON]? { if case .array(let elements) = self { elements } else { nil } }
  package var members: [Member]? { if case .object(let members) = self { members } else { nil } }
  package var isNull: Bool { if case .null = self { true } else { false } }

  /// What kind of value this is, for messages.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer, .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}
