import Foundation
import Modeling
import Testing
import Texts

/// A GGUF file of metadata alone.
private struct GGUFBytes {
  var bytes: [UInt8] = []

  mutating func add(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }

  mutating func add(_ text: String) {
    add(UInt64(text.utf8.count))
    bytes += Array(text.utf8)
  }

  /// Value types of the format: 4 uint32, 5 int32, 6 float32, 7 bool, 8 string, 9 array.
  mutating func add(_ key: String, type: UInt32) {
    add(key)
    add(type)
  }

  mutating func add(_ key: String, arrayOf type: UInt32, count: Int) {
    add(key, type: 9)
    add(type)
    add(UInt64(count))
  }

  init(entries: UInt64) {
    bytes = Array("GGUF".utf8)
    add(UInt32(3))
    add(UInt64(0))
    add(entries)
  }
}

@Suite struct `A tokenizer's files` {
  @Test func `of a checkpoint's folder are read together`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "plimsoll-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(
      throws: TokenizerError.unreadable(path: folder.path() + "/tokenizer.json", reason: "there is no such file")
    ) { try Tokenizer(path: folder.path()) }
    try Data(try Golden.bytes("smollm2.tokenizer.json")).write(to: folder.appending(path: "tokenizer.json"))
    #expect(try Tokenizer(path: folder.path()).chatTemplateText == nil)
    try Data(#"{"eos_token": "<|endoftext|>", "chat_template": "old"}"#.utf8)
      .write(to: folder.appending(path: "tokenizer_config.json"))
    try Data("{{ '<|im_start|>' }}".utf8).write(to: folder.appending(path: "chat_template.jinja"))
    for path in [folder.path(), folder.path() + "/tokenizer.json"] {
      let tokenizer = try Tokenizer(path: path)
      #expect(tokenizer.specialTokens == .init(end: 0))
      #expect(tokenizer.chatTemplateText == "{{ '<|im_start|>' }}")
    }
  }

  @Test func `in GGUF give the fields of the tokenizer`() throws {
    var file = GGUFBytes(entries: 8)
    file.add("tokenizer.ggml.model", type: 8)
    file.add("llama")
    file.add("tokenizer.ggml.tokens", arrayOf: 8, count: 3)
    for token in ["<s>", "a", "aa"] { file.add(token) }
    file.add("tokenizer.ggml.scores", arrayOf: 6, count: 3)
    for score in [Float(0), -2, -1] { file.add(score.bitPattern) }
    file.add("tokenizer.ggml.token_type", arrayOf: 5, count: 3)
    for type in [Int32(3), 1, 1] { file.add(type) }
    file.add("tokenizer.ggml.bos_token_id", type: 4)
    file.add(UInt32(0))
    file.add("tokenizer.ggml.add_bos_token", type: 7)
    file.add(UInt8(1))
    file.add("tokenizer.ggml.add_space_prefix", type: 7)
    file.add(UInt8(0))
    file.add("tokenizer.chat_template", type: 8)
    file.add("{{ messages }}")
    let fields = try GGUFTokenizerFields(try GGUFHeader(bytes: file.bytes, name: "tiny.gguf"))
    #expect(fields.tokens == ["<s>", "a", "aa"])
    #expect(fields.scores == [0, -2, -1])
    #expect(fields.tokenTypes == [3, 1, 1])
    #expect(fields.chatTemplate == "{{ messages }}")
    #expect(fields.endID == nil)
    let tokenizer = try Tokenizer(fields)
    #expect(tokenizer.encode("aaa") == [0, 2, 1])
    #expect(tokenizer.decode([2, 1]) == "aaa")
  }

  @Test func `in GGUF without a tokenizer are refused`() throws {
    let header = try GGUFHeader(bytes: GGUFBytes(entries: 0).bytes, name: "empty.gguf")
    #expect(throws: TokenizerError.field("tokenizer.ggml.model", expected: "a string", found: "missing")) {
      try GGUFTokenizerFields(header)
    }
  }
}
