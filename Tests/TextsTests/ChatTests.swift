import Testing
import Texts

@Suite struct `Chat templates` {
  struct File: Decodable {
    let name: String
    let template: String
    let bos: String
    let eos: String
    let cases: [Case]
  }

  struct Case: Decodable {
    let messages: [Message]
    let generation: Bool
    /// Nil where Jinja raised an error.
    let text: String?
  }

  struct Message: Decodable {
    let role: String
    let content: String
  }

  private func messages(_ chat: Case) throws -> [ChatMessage] {
    try chat.messages.map { ChatMessage(try #require(ChatMessage.Role(rawValue: $0.role)), $0.content) }
  }

  @Test func `every rendering is Jinja's, and what Jinja refuses is refused`() throws {
    let files = try Golden.read([File].self, "chats.json")
    #expect(Set(files.map { $0.name.prefix { $0 != ":" } }).count == ChatTemplate.Family.allCases.count - 1)
    for file in files {
      let template = try #require(
        ChatTemplate(recognizing: file.template, beginning: file.bos, end: file.eos), "\(file.name)")
      #expect(template.family.rawValue == String(file.name.prefix { $0 != ":" }))
      for chat in file.cases {
        let result = Result { () throws(ChatTemplateError) in
          try template.render(
            chat.messages.compactMap { message in
              ChatMessage.Role(rawValue: message.role).map { ChatMessage($0, message.content) }
            }, opensAnswer: chat.generation)
        }
        switch (result, chat.text) {
        case (.success(let parts), .some(let text)):
          let written = parts.map(\.text).joined()
          #expect(Array(written.utf8) == Array(text.utf8), "\(file.name), \(chat.messages)")
        case (.success(let parts), nil): Issue.record("\(file.name) gave \(parts), and Jinja refused")
        // The one place where Plimsoll refuses and Jinja does not: a system message that would be lost.
        case (.failure(.losesSystemMessage(.mistral)), .some(let text)):
          #expect(!text.contains(chat.messages[0].content))
        case (.failure(let error), .some(let text)): Issue.record("\(file.name): \(error), not \(text)")
        case (.failure, nil): break
        }
      }
    }
  }

  @Test func `what the assistant says is the completion, with the end of its turn`() throws {
    for file in try Golden.read([File].self, "chats.json") {
      let template = try #require(ChatTemplate(recognizing: file.template, beginning: file.bos, end: file.eos))
      let parts = try template.render([
        ChatMessage(.user, "first question"), ChatMessage(.assistant, "first answer"),
        ChatMessage(.user, "second question"), ChatMessage(.assistant, "second answer"),
      ])
      let completions = parts.filter(\.isCompletion).map(\.text)
      #expect(completions.count == 2, "\(file.name)")
      #expect(completions.allSatisfy { $0.contains("answer") && !$0.contains("question") })
      #expect(completions.allSatisfy { $0.hasSuffix(">") }, "\(file.name): a marker ends the turn")
      #expect(!parts.filter { !$0.isCompletion }.map(\.text).joined().contains("answer"))
    }
  }

  @Test(arguments: [
    "", "{{ messages }}", "{% for m in messages %}GPT4 Correct {{ m.role }}{% endfor %}",
    "<|im_start|>user<|im_sep|>", "{{ '<|im_start|>' }}<think>", "### Instruction: ### Response:",
    "{{ '<|user|>' + message['content'] }}", "[INST][SYSTEM_PROMPT]",
  ])
  func `a template of no known family is not guessed`(text: String) {
    #expect(ChatTemplate(recognizing: text, beginning: "<s>", end: "</s>") == nil)
  }

  @Test func `a vocabulary with ChatML's markers falls back to ChatML, another to headings`() throws {
    let smol = ChatTemplate.choice(for: try Golden.tokenizer("smollm2"))
    #expect(smol.template.family == .chatML)
    #expect(smol.note == "the model's files have no chat template: chatML is used")
    let llama = ChatTemplate.choice(for: try Golden.tokenizer("llama2")).template
    #expect(llama.family == .instruction)
    let parts = try llama.render([
      ChatMessage(.system, "Be brief."), ChatMessage(.user, "Two and two?"), ChatMessage(.assistant, "Four."),
    ])
    #expect(
      parts == [
        TextPart("Be brief.\n\n### Instruction:\nTwo and two?\n\n### Response:\n", isCompletion: false),
        TextPart("Four.</s>", isCompletion: true),
      ])
  }
}
