extension ChatTemplate {
  private var opening: String { style.writesBeginning ? beginning : "" }

  func renderChatML(_ messages: [ChatMessage], _ opensAnswer: Bool, _ writer: inout PartWriter) {
    writer.write(opening)
    if let defaultSystem, messages.first?.role != .system {
      writer.write("<|im_start|>system\n" + defaultSystem + "<|im_end|>\n")
    }
    for message in messages {
      writer.write("<|im_start|>" + message.role.rawValue + "\n")
      writer.write(message.content + "<|im_end|>", isCompletion: message.role == .assistant)
      writer.write("\n")
    }
    if opensAnswer { writer.write("<|im_start|>assistant\n") }
  }

  /// ChatML with the reasoning of answers: kept after the last user message, dropped before it, and present even
  /// when empty in an answer that ends the conversation.
  func renderQwen3(_ messages: [ChatMessage], _ opensAnswer: Bool, _ writer: inout PartWriter) {
    let lastQuery = messages.lastIndex { $0.role == .user } ?? messages.count - 1
    for (index, message) in messages.enumerated() {
      writer.write("<|im_start|>" + message.role.rawValue + "\n")
      guard message.role == .assistant else {
        writer.write(message.content + "<|im_end|>\n")
        continue
      }
      let (reasoning, answer) = Self.reasoningAndAnswer(message.content)
      if index > lastQuery, index == messages.count - 1 || !reasoning.isEmpty {
        let thought = "<think>\n" + reasoning.trimming { $0 == "\n" } + "\n</think>\n\n"
        writer.write(thought + answer.trimming(atEnd: false) { $0 == "\n" }, isCompletion: true)
      } else {
        writer.write(answer, isCompletion: true)
      }
      writer.write("<|im_end|>", isCompletion: true)
      writer.write("\n")
    }
    if opensAnswer { writer.write("<|im_start|>assistant\n") }
  }

  /// What stands in `<think>` and what follows it.
  private static func reasoningAndAnswer(_ content: String) -> (reasoning: String, answer: String) {
    guard let firstClose = content.firstPlace(of: "</think>") else { return ("", content) }
    var reasoning = content[..<firstClose.lowerBound].trimming(atStart: false) { $0 == "\n" }[...]
    while let open = reasoning.firstPlace(of: "<think>") { reasoning = reasoning[open.upperBound...] }
    var answer = content[firstClose.upperBound...]
    while let close = answer.firstPlace(of: "</think>") { answer = answer[close.upperBound...] }
    return (
      reasoning.trimming(atEnd: false) { $0 == "\n" }, answer.trimming(atEnd: false) { $0 == "\n" }
    )
  }

  func renderLlama3(_ messages: [ChatMessage], _ opensAnswer: Bool, _ writer: inout PartWriter) {
    writer.write(opening)
    var turns = messages[...]
    if family == .llama31 {
      let system = turns.first?.role == .system ? turns.removeFirst().content.trimmed() : ""
      writer.write("<|start_header_id|>system<|end_header_id|>\n\n")
      writer.write("Cutting Knowledge Date: December 2023\nToday Date: " + style.date + "\n\n" + system + "<|eot_id|>")
    }
    for message in turns {
      writer.write("<|start_header_id|>" + message.role.rawValue + "<|end_header_id|>\n\n")
      writer.write(message.content.trimmed() + "<|eot_id|>", isCompletion: message.role == .assistant)
    }
    if opensAnswer { writer.write("<|start_header_id|>assistant<|end_header_id|>\n\n") }
  }

  /// The messages after a leading system message, which must be user and assistant in turn.
  private func alternating(
    _ messages: [ChatMessage], takesSystem: Bool
  ) throws(ChatTemplateError) -> (system: String?, turns: ArraySlice<ChatMessage>) {
    var turns = messages[...]
    var system: String?
    if turns.first?.role == .system {
      guard takesSystem else { throw .noSystemRole(family) }
      system = turns.removeFirst().content
    }
    if turns.isEmpty { throw .noMessages }
    for (offset, message) in turns.enumerated() where message.role != (offset % 2 == 0 ? .user : .assistant) {
      throw .notAlternating(family, index: turns.startIndex + offset)
    }
    return (system, turns)
  }

  func renderLlama2(_ messages: [ChatMessage], _ writer: inout PartWriter) throws(ChatTemplateError) {
    let (system, turns) = try alternating(messages, takesSystem: true)
    for (offset, message) in turns.enumerated() {
      if message.role == .assistant {
        writer.write(" " + message.content.trimmed() + " " + end, isCompletion: true)
      } else {
        let header = offset == 0 ? system.map { "<<SYS>>\n" + $0 + "\n<</SYS>>\n\n" } ?? "" : ""
        writer.write(opening + "[INST] " + (header + message.content).trimmed() + " [/INST]")
      }
    }
  }

  func renderMistral(_ messages: [ChatMessage], _ writer: inout PartWriter) throws(ChatTemplateError) {
    let (system, turns) = try alternating(messages, takesSystem: style.system != .none)
    writer.write(opening)
    let place = style.system == .lastUser ? turns.endIndex - 1 : turns.startIndex
    // Put before the last user message only where that comes last, the system message would be lost in training data.
    if system != nil, turns[place].role != .user { throw .losesSystemMessage(family) }
    for index in turns.indices {
      let content = turns[index].content
      if turns[index].role == .user {
        let header = index == place ? system.map { $0 + "\n\n" } ?? "" : ""
        writer.write(style.userOpening + header + content + style.userClosing)
      } else {
        let answer = style.trimsAnswers ? content.trimmed() : content
        writer.write(style.answerOpening + answer + end, isCompletion: true)
        writer.write(style.answerClosing)
      }
    }
  }

  func renderGemma(
    _ messages: [ChatMessage], _ opensAnswer: Bool, _ writer: inout PartWriter
  ) throws(ChatTemplateError) {
    let (system, turns) = try alternating(messages, takesSystem: style.system != .none)
    writer.write(opening)
    for (offset, message) in turns.enumerated() {
      writer.write("<start_of_turn>" + (message.role == .assistant ? "model" : "user") + "\n")
      if offset == 0, let system { writer.write(system + "\n\n") }
      writer.write(message.content.trimmed() + "<end_of_turn>", isCompletion: message.role == .assistant)
      writer.write("\n")
    }
    if opensAnswer { writer.write("<start_of_turn>model\n") }
  }

  /// Phi-3 and Zephyr: a tag a line, the message, and what ends a turn.
  func renderTagged(
    _ messages: [ChatMessage], _ opensAnswer: Bool, _ writer: inout PartWriter
  ) throws(ChatTemplateError) {
    writer.write(opening)
    for message in messages {
      if message.role == .system, style.system == .none { throw .noSystemRole(family) }
      writer.write("<|" + message.role.rawValue + "|>\n")
      writer.write(message.content + style.answerClosing, isCompletion: message.role == .assistant)
      writer.write("\n")
    }
    writer.write(opensAnswer ? "<|assistant|>\n" : style.closing)
  }

  /// Headings as in the instruction shape of data, for models without a template.
  func renderInstruction(_ messages: [ChatMessage], _ opensAnswer: Bool, _ writer: inout PartWriter) {
    for (index, message) in messages.enumerated() {
      if index > 0 { writer.write("\n\n") }
      switch message.role {
      case .system: writer.write(message.content)
      case .user: writer.write("### Instruction:\n" + message.content)
      case .assistant:
        writer.write("### Response:\n")
        writer.write(message.content + end, isCompletion: true)
      }
    }
    if opensAnswer { writer.write("\n\n### Response:\n") }
  }
}

extension StringProtocol {
  /// This without the scalars at its ends that `isTrimmed` names.
  func trimming(
    atStart: Bool = true, atEnd: Bool = true, _ isTrimmed: (Unicode.Scalar) -> Bool
  ) -> String {
    var scalars = Array(unicodeScalars)[...]
    if atStart { scalars = scalars.drop(while: isTrimmed) }
    if atEnd { while let last = scalars.last, isTrimmed(last) { scalars.removeLast() } }
    return String(scalars: scalars)
  }

  /// This without white space at its ends, as Python's `str.strip` and Jinja's `trim` have it.
  func trimmed() -> String {
    trimming { $0.properties.isWhitespace || ("\u{1C}"..."\u{1F}").contains($0) }
  }
}
