/// Why a conversation cannot be written in a model's template.
public enum ChatTemplateError: Error, Hashable, Sendable {
  case noMessages
  /// The template has no place for a system message.
  case noSystemRole(ChatTemplate.Family)
  /// The template would leave the system message out of a conversation that ends with an answer.
  case losesSystemMessage(ChatTemplate.Family)
  /// The template wants user and assistant in turn, beginning with the user; this message breaks the order.
  case notAlternating(ChatTemplate.Family, index: Int)
}

extension ChatTemplateError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noMessages: "the conversation has no messages"
    case .noSystemRole(let family): "the \(family.rawValue) chat template takes no system message"
    case .losesSystemMessage(let family):
      "this \(family.rawValue) chat template leaves the system message out where the conversation ends with an answer"
    case .notAlternating(let family, let index):
      "the \(family.rawValue) chat template wants user and assistant in turn; message \(index + 1) breaks that"
    }
  }
}
