/// What is wrong with a line of a data file: its number, from 1, and the reason.
public struct LineProblem: Error, Hashable, Sendable {
  public let line: Int
  public let reason: Reason

  public init(line: Int, reason: Reason) {
    self.line = line
    self.reason = reason
  }

  public enum Reason: Error, Hashable, Sendable {
    case notJSON(ExactJSONError)
    /// The line is JSON, and no object: what it is instead.
    case notAnObject(String)
    /// None of the known shapes; these are the keys that are there.
    case unknownShape(keys: [String])
    /// A key with a value of another type than the shape wants.
    case wrongType(key: String, expected: String, found: String)
    /// A key that the shape needs and the line lacks.
    case missing(key: String)
    /// A completion, or a text, with nothing but white space in it.
    case empty(key: String)
    /// A message of a role that is not known.
    case unknownRole(String)
    /// A conversation without an answer.
    case noAnswer
    /// The model's template cannot write the conversation.
    case template(ChatTemplateError)
  }
}

extension LineProblem: CustomStringConvertible {
  public var description: String { "line \(line): \(reason)" }
}

extension LineProblem.Reason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notJSON(let error): "\(error)"
    case .notAnObject(let found): "a JSON object is expected, and this is \(found)"
    case .unknownShape(let keys):
      "none of the known shapes (instruction and output; prompt and completion; messages; text): "
        + (keys.isEmpty ? "the object is empty" : "its keys are \(keys.joined(separator: ", "))")
    case .wrongType(let key, let expected, let found): "\(key) must be \(expected), and is \(found)"
    case .missing(let key): "\(key) is missing"
    case .empty(let key): "\(key) is empty"
    case .unknownRole(let role): "the role \"\(role)\" is none of system, user, assistant"
    case .noAnswer: "no message of the conversation is the assistant's"
    case .template(let error): "\(error)"
    }
  }
}
