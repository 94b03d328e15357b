/// The way a model's conversations are written, recognized by its Jinja template rather than interpreted from it.
///
/// A template is recognized by the markers it contains. The rendering is what `apply_chat_template` of `transformers`
/// gives for conversations of system, user and assistant without tools. A template of no known family is not guessed:
/// ``init(recognizing:beginning:end:)`` gives nil, and the caller may take ``fallback(for:)`` and say so.
public struct ChatTemplate: Hashable, Sendable {
  /// The families that are known, by the model that brought each.
  public enum Family: String, Hashable, Sendable, CaseIterable {
    case chatML
    case qwen3
    case llama2
    case llama3
    case llama31
    case mistral
    case gemma
    case phi3
    case zephyr
    case instruction
  }

  public let family: Family
  /// The text of the tokens that begin and end a sequence, where the template writes them.
  let beginning: String
  let end: String
  /// The system message of a conversation that has none; nil where the template adds none.
  let defaultSystem: String?
  /// How a template of the family differs from the others of it.
  let style: Style

  /// What differs within a family, as read from the template's text.
  struct Style: Hashable, Sendable {
    /// Before and after a user's message, before and after an assistant's; where the family leaves it open.
    var userOpening = ""
    var userClosing = ""
    var answerOpening = ""
    var answerClosing = ""
    /// Mistral: the system message goes into the first user message, or into the last; or there is no place for it.
    var system = SystemPlace.none
    /// The sequence begins with the beginning token.
    var writesBeginning = true
    /// Assistant messages are trimmed.
    var trimsAnswers = false
    /// Something ends the whole conversation, as in early Phi-3 templates.
    var closing = ""
    /// Llama 3.1 and 3.2: the date that the system header names.
    var date = ""
  }

  enum SystemPlace: Hashable, Sendable { case none, firstUser, lastUser, turn }

  /// A conversation as parts of text: what the assistant says, and the token that ends its turn, are completions.
  ///
  /// - Parameter opensAnswer: adds what stands before an assistant's message, for generation.
  public func render(_ messages: [ChatMessage], opensAnswer: Bool = false) throws(ChatTemplateError) -> [TextPart] {
    guard !messages.isEmpty else { throw .noMessages }
    var writer = PartWriter()
    switch family {
    case .chatML: renderChatML(messages, opensAnswer, &writer)
    case .qwen3: renderQwen3(messages, opensAnswer, &writer)
    case .llama2: try renderLlama2(messages, &writer)
    case .llama3, .llama31: renderLlama3(messages, opensAnswer, &writer)
    case .mistral: try renderMistral(messages, &writer)
    case .gemma: try renderGemma(messages, opensAnswer, &writer)
    case .phi3, .zephyr: try renderTagged(messages, opensAnswer, &writer)
    case .instruction: renderInstruction(messages, opensAnswer, &writer)
    }
    return writer.parts
  }

  /// The template for a vocabulary whose own is missing or unknown: ChatML where it has the markers, or else the
  /// "### Instruction" headings.
  public static func fallback(for tokenizer: Tokenizer) -> ChatTemplate {
    let end = tokenizer.specialTokens.end.flatMap { tokenizer.token(of: $0) } ?? ""
    let hasMarkers = tokenizer.id(of: "<|im_start|>") != nil && tokenizer.id(of: "<|im_end|>") != nil
    return ChatTemplate(
      family: hasMarkers ? .chatML : .instruction, beginning: "", end: end, defaultSystem: nil, style: Style())
  }
}

/// Collects parts, joining neighbors of one kind.
struct PartWriter {
  private(set) var parts: [TextPart] = []

  mutating func write(_ text: String, isCompletion: Bool = false) {
    if text.isEmpty { return }
    if let last = parts.last, last.isCompletion == isCompletion {
      parts[parts.count - 1].text += text
    } else {
      parts.append(TextPart(text, isCompletion: isCompletion))
    }
  }
}
