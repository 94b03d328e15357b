/// One turn of a conversation.
public struct ChatMessage: Hashable, Sendable {
  /// Who speaks.
  public enum Role: String, Hashable, Sendable {
    case system, user, assistant
  }

  public var role: Role
  public var content: String

  public init(_ role: Role, _ content: String) {
    self.role = role
    self.content = content
  }
}

/// A stretch of an example's text, and whether the loss is taken on it when only completions are trained.
public struct TextPart: Hashable, Sendable {
  public var text: String
  public var isCompletion: Bool

  public init(_ text: String, isCompletion: Bool) {
    self.text = text
    self.isCompletion = isCompletion
  }
}
