extension ChatTemplate {
  /// Recognizes a template by the markers in its Jinja text; nil where it is of no known family.
  ///
  /// - Parameters:
  ///   - text: the template as the model's files carry it.
  ///   - beginning: the text of the token that begins a sequence, `bos_token`; empty where there is none.
  ///   - end: the text of the token that ends one, `eos_token`.
  public init?(recognizing text: String, beginning: String, end: String) {
    var style = Style()
    var defaultSystem: String?
    let family: Family
    if text.holds("<|im_start|>") {
      // Reasoning templates of other makers rewrite messages in ways of their own, and Phi-4 has another separator.
      guard !text.holds("<think>") || text.holds("last_query_index"), !text.holds("<|im_sep|>") else { return nil }
      family = text.holds("<think>") ? .qwen3 : .chatML
      defaultSystem = Self.defaultSystem(in: text)
      style.writesBeginning = text.holds("bos_token")
    } else if text.holds("<|start_header_id|>") {
      family = text.holds("Cutting Knowledge Date") ? .llama31 : .llama3
      style.writesBeginning = text.holds("bos_token")
      style.date = "26 Jul 2024"
    } else if text.holds("[INST]") {
      family = text.holds("<<SYS>>") ? .llama2 : .mistral
      // Mistral's own tokens for system and tools came with rules that differ from release to release.
      guard !text.holds("[SYSTEM_PROMPT]") else { return nil }
      if family == .mistral { style = Self.mistralStyle(text) }
      style.writesBeginning = text.holds("bos_token")
    } else if text.holds("<start_of_turn>") {
      family = .gemma
      style.system = text.holds("System role not supported") ? .none : .firstUser
      style.writesBeginning = text.holds("bos_token")
    } else if ["<|user|>\n", #"<|user|>\n"#, #"<|user|>' + '\n'"#].contains(where: { text.holds($0) }) {
      family = text.holds("<|end|>") ? .phi3 : .zephyr
      // The first Phi-3 template, soon withdrawn, had spaces where the later ones have line ends.
      guard family == .phi3 ? !text.holds("<|end|> ") : text.holds("eos_token") else { return nil }
      style = Self.taggedStyle(text, family, end: end)
    } else {
      return nil
    }
    self.init(family: family, beginning: beginning, end: end, defaultSystem: defaultSystem, style: style)
  }

  /// The template of a tokenizer: its own where that is recognized, or else the fallback and why.
  public static func choice(for tokenizer: Tokenizer) -> (template: ChatTemplate, note: String?) {
    guard let text = tokenizer.chatTemplateText else {
      let fallback = fallback(for: tokenizer)
      return (fallback, "the model's files have no chat template: \(fallback.family.rawValue) is used")
    }
    let beginning = tokenizer.specialTokens.beginning.flatMap { tokenizer.token(of: $0) } ?? ""
    let end = tokenizer.specialTokens.end.flatMap { tokenizer.token(of: $0) } ?? ""
    if let own = ChatTemplate(recognizing: text, beginning: beginning, end: end) { return (own, nil) }
    let fallback = fallback(for: tokenizer)
    return (fallback, "the model's chat template is of no known family: \(fallback.family.rawValue) is used")
  }

  /// The system message that a ChatML template writes by itself: the literal between its markers.
  ///
  /// A quote right after the opening marker means that the message comes from a variable.
  private static func defaultSystem(in text: String) -> String? {
    for opening in [#"<|im_start|>system\n"#, "<|im_start|>system\n"] {
      var rest = text[...]
      while let found = rest.firstPlace(of: opening) {
        rest = rest[found.upperBound...]
        guard let first = rest.first, first != "'", first != "\"", let close = rest.firstPlace(of: "<|im_end|>") else {
          continue
        }
        let literal = rest[..<close.lowerBound]
        if !literal.contains("{") { return String(literal.replacing(#"\n"#, with: "\n")) }
      }
    }
    return nil
  }

  private static func mistralStyle(_ text: String) -> Style {
    var style = Style()
    let spacedOpening = text.holds("' [INST] '") || text.holds("\" [INST] \"")
    style.userOpening = spacedOpening ? " [INST] " : text.holds("[INST] ") ? "[INST] " : "[INST]"
    style.userClosing = text.holds(" [/INST]") ? " [/INST]" : "[/INST]"
    let spaced = ["' ' + message[", "\" \" + message[", "\" \" + content", "' ' + content"].contains { text.holds($0) }
    style.answerOpening = spaced ? " " : ""
    style.answerClosing = text.holds("eos_token + ' '") || text.holds("eos_token + \" \"") ? " " : ""
    style.trimsAnswers = text.holds("message[\"content\"]|trim") || text.holds("message['content']|trim")
    if text.holds("system_message") {
      // The older of these put the system message before the last user message, the newer before the first.
      style.system = text.holds("loop.last and system_message") ? .lastUser : .firstUser
    }
    return style
  }

  private static func taggedStyle(_ text: String, _ family: Family, end: String) -> Style {
    var style = Style()
    style.writesBeginning = text.holds("bos_token")
    style.system = text.holds("system") ? .turn : .none
    if family == .phi3 {
      style.closing = text.holds("else %}{{ eos_token }}") ? end : ""
      style.answerClosing = "<|end|>"
    } else {
      style.answerClosing = end
    }
    return style
  }
}

extension StringProtocol {
  /// Whether `text` stands in this, byte for byte.
  func holds(_ text: String) -> Bool { firstPlace(of: text) != nil }

  /// Where `text` first stands in this, byte for byte.
  func firstPlace(of text: String) -> Range<String.Index>? {
    let wanted = Array(text.utf8)
    guard let first = wanted.first else { return startIndex..<startIndex }
    var start = utf8.startIndex
    while let found = utf8[start...].firstIndex(of: first) {
      if utf8[found...].starts(with: wanted) {
        return found..<utf8.index(found, offsetBy: wanted.count)
      }
      start = utf8.index(after: found)
    }
    return nil
  }
}
