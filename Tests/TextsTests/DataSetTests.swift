import Foundation
import Testing
import Texts

/// JSONL of these lines.
private func lines(_ lines: String...) -> [UInt8] { Array(lines.joined(separator: "\n").utf8) }

/// An option set with some settings changed.
private func options(_ change: (inout DataOptions) -> Void) -> DataOptions {
  var options = DataOptions()
  change(&options)
  return options
}

@Suite struct `A data file` {
  let tokenizer: Tokenizer

  init() throws { tokenizer = try Golden.tokenizer("smollm2") }

  /// The text of the tokens that are trained, and of all tokens.
  private func texts(_ example: EncodedExample) -> (trained: String, all: String) {
    let trained = zip(example.tokens, example.labels).filter { $1 != EncodedExample.ignoredLabel }.map { $0.0 }
    return (tokenizer.decode(trained), tokenizer.decode(example.tokens))
  }

  @Test(arguments: [
    (
      #"{"instruction": "Add.", "input": "3 + 4", "output": "7"}"#, "7<|im_end|>",
      "### Instruction:\nAdd.\n\n### Input:\n3 + 4\n\n### Response:\n7<|im_end|>"
    ),
    (
      #"{"instruction": "Sing.", "input": "", "output": "La"}"#, "La<|im_end|>",
      "### Instruction:\nSing.\n\n### Response:\nLa<|im_end|>"
    ),
    (
      #"{"instruction": "Sing.", "input": null, "output": "La"}"#, "La<|im_end|>",
      "### Instruction:\nSing.\n\n### Response:\nLa<|im_end|>"
    ),
    (#"{"prompt": "One,", "completion": " two"}"#, " two<|im_end|>", "One, two<|im_end|>"),
    (#"{"prompt": "One,", "completion": " two<|im_end|>"}"#, " two<|im_end|>", "One, two<|im_end|>"),
    (#"{"prompt": "", "completion": "two"}"#, "two<|im_end|>", "two<|im_end|>"),
    (#"{"text": "All of it."}"#, "All of it.<|im_end|>", "All of it.<|im_end|>"),
    (
      #"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}"#, "Ho<|im_end|>",
      "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHo<|im_end|>\n"
    ),
    (
      #"{"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Ho"}]}"#,
      "Ho<|im_end|>", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHo<|im_end|>\n"
    ),
  ])
  func `in any of the usual shapes trains the completion alone`(line: String, trained: String, all: String) throws {
    let example = try #require(try DataSet(bytes: Array(line.utf8), tokenizer: tokenizer).examples.first)
    #expect(texts(example).trained == trained)
    #expect(texts(example).all == all)
    #expect(example.tokens == tokenizer.encode(all), "the text is encoded whole, as the model will see it")
    #expect(zip(example.tokens, example.labels).allSatisfy { $1 == $0 || $1 == EncodedExample.ignoredLabel })
    let whole = try DataSet(
      bytes: Array(line.utf8), tokenizer: tokenizer, options: options { $0.completionOnly = false })
    #expect(whole.examples.first?.labels == example.tokens)
  }

  @Test func `trains every answer of a conversation and nothing else`() throws {
    let line = #"""
      {"messages": [{"role": "system", "content": "Count."}, {"role": "user", "content": "1"}, {"role": "assistant", \#
      "content": "2"}, {"role": "user", "content": "3"}, {"role": "assistant", "content": "4"}]}
      """#
    let example = try #require(try DataSet(bytes: Array(line.utf8), tokenizer: tokenizer).examples.first)
    #expect(texts(example).trained == "2<|im_end|>4<|im_end|>")
  }

  @Test(arguments: ["gpt2", "llama3", "llama2", "mistral", "gemma"])
  func `trains exactly the answers with every kind of tokenizer`(name: String) throws {
    let tokenizer = try Golden.tokenizer(name)
    let line = #"{"instruction": "Où est-il ?", "input": "a  b", "output": "  Là-bas, 🚢!"}"#
    let example = try #require(try DataSet(bytes: Array(line.utf8), tokenizer: tokenizer).examples.first)
    let trained = zip(example.tokens, example.labels).filter { $1 != EncodedExample.ignoredLabel }.map { $0.0 }
    // A token that spans the border belongs to the completion, so only a line end may come along.
    let text = tokenizer.decode(trained, skipSpecialTokens: true)
    #expect(text.trimmingCharacters(in: .whitespacesAndNewlines) == "Là-bas, 🚢!")
  }

  @Test(arguments: [
    ("{", LineProblem.Reason.notJSON(.endsEarly(offset: 1))),
    (#"{"text": "a"} x"#, .notJSON(.trailing(offset: 14))),
    (#"{"text": "\ud83d"}"#, .notJSON(.badEscape(offset: 10))),
    (#"{"text": "\ud83dx"}"#, .notJSON(.badEscape(offset: 10))),
    ("{\"text\": \"a\u{1}\"}", .notJSON(.unexpected(byte: 1, offset: 11))),
    (#"{"text": 01}"#, .notJSON(.badNumber(offset: 9))),
    (String(repeating: "[", count: 100_000), .notJSON(.tooDeep(limit: 256, offset: 257))),
    ("[1]", .notAnObject("an array")),
    ("3", .notAnObject("a number")),
    (#"{"question": "?", "answer": "!"}"#, .unknownShape(keys: ["question", "answer"])),
    ("{}", .unknownShape(keys: [])),
    (#"{"text": 7}"#, .wrongType(key: "text", expected: "a string", found: "a number")),
    (#"{"text": " \n"}"#, .empty(key: "text")),
    (#"{"instruction": "a"}"#, .missing(key: "output")),
    (#"{"instruction": "a", "output": ""}"#, .empty(key: "output")),
    (#"{"instruction": 1, "output": "b"}"#, .wrongType(key: "instruction", expected: "a string", found: "a number")),
    (#"{"prompt": "a"}"#, .missing(key: "completion")),
    (#"{"prompt": "a", "completion": "  "}"#, .empty(key: "completion")),
    (#"{"completion": "b"}"#, .missing(key: "prompt")),
    (#"{"messages": {}}"#, .wrongType(key: "messages", expected: "an array", found: "an object")),
    (#"{"messages": []}"#, .noAnswer),
    (#"{"messages": [{"role": "user", "content": "a"}]}"#, .noAnswer),
    (#"{"messages": [{"role": "user"}]}"#, .missing(key: "messages[0].content")),
    (#"{"messages": [{"role": "robot", "content": "a"}]}"#, .unknownRole("robot")),
    (
      #"{"messages": [{"role": "assistant", "content": null}]}"#,
      .wrongType(key: "messages[0].content", expected: "a string", found: "null")
    ),
    (#"{"messages": [{"role": "assistant", "content": ""}]}"#, .empty(key: "messages[0].content")),
    (#"{"messages": [7]}"#, .wrongType(key: "messages[0]", expected: "an object", found: "a number")),
  ])
  func `with a bad line names it, and skips it or refuses it`(bad: String, reason: LineProblem.Reason) throws {
    let good = #"{"text": "A good line."}"#
    let bytes = Array("\(good)\n\n\(bad)\n{\"text\": \"Another.\"}\n".utf8)
    // The blank line counts, so that the number is the one an editor shows.
    #expect(throws: DataError.badLine(LineProblem(line: 3, reason: reason))) {
      try DataSet(bytes: bytes, tokenizer: tokenizer)
    }
    let data = try DataSet(bytes: bytes, tokenizer: tokenizer, options: options { $0.badLines = .skip })
    #expect(data.report.skipped == [LineProblem(line: 3, reason: reason)])
    #expect(data.examples.map(\.line) == [1, 4])
    #expect(data.report.lines == 3)
    #expect(data.report.blankLines == 1)
    #expect("\(data.report)".contains("1 lines skipped: line 3: "))
  }

  @Test func `that is not UTF-8 names the line`() {
    let bytes = Array("{\"text\": \"".utf8) + [0xFF] + Array("\"}".utf8)
    #expect(throws: DataError.badLine(LineProblem(line: 1, reason: .notJSON(.notUTF8(offset: 10))))) {
      try DataSet(bytes: bytes, tokenizer: tokenizer)
    }
  }

  @Test func `with a conversation that the template cannot write names the line`() throws {
    let llama2 = try #require(ChatTemplate(recognizing: "[INST] <<SYS>> bos_token", beginning: "<s>", end: "</s>"))
    let bytes = lines(#"{"messages": [{"role": "assistant", "content": "I begin."}]}"#)
    let problem = LineProblem(line: 1, reason: .template(.notAlternating(.llama2, index: 0)))
    #expect(throws: DataError.badLine(problem)) {
      try DataSet(bytes: bytes, tokenizer: tokenizer, template: llama2)
    }
  }

  @Test func `may have a byte order mark, CRLF and no line end at the end`() throws {
    let bytes = [0xEF, 0xBB, 0xBF] + Array("{\"text\": \"one\"}\r\n\r\n{\"text\": \"two\"}".utf8)
    let data = try DataSet(bytes: bytes, tokenizer: tokenizer)
    #expect(data.examples.map { texts($0).all } == ["one<|im_end|>", "two<|im_end|>"])
    #expect(data.examples.map(\.line) == [1, 3])
  }

  @Test func `is read from disk as from memory, however long its lines`() throws {
    let long = (0..<60_000).map { "word\($0)" }.joined(separator: " ")
    let text = (0..<40).map { "{\"text\": \"\($0) \(long.prefix(60_000 + $0))\"}" }.joined(separator: "\n")
    let file = FileManager.default.temporaryDirectory.appending(path: "plimsoll-\(UUID().uuidString).jsonl")
    try Data(text.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let read = try DataSet(path: file.path(), tokenizer: tokenizer)
    let direct = try DataSet(bytes: Array(text.utf8), tokenizer: tokenizer)
    #expect(read.examples == direct.examples)
    #expect(read.examples.count == 40)
  }

  @Test func `that is missing or empty is an error`() {
    #expect(throws: DataError.unreadable(TextFileError(path: "/no/such.jsonl", reason: "there is no such file"))) {
      try DataSet(path: "/no/such.jsonl", tokenizer: tokenizer)
    }
    #expect(throws: DataError.noExamples(lines: 0, skipped: 0)) { try DataSet(bytes: [], tokenizer: tokenizer) }
    #expect(throws: DataError.noExamples(lines: 1, skipped: 1)) {
      try DataSet(bytes: lines("x"), tokenizer: tokenizer, options: options { $0.badLines = .skip })
    }
  }

  @Test func `has its duplicates reported, white space apart, and dropped when told`() throws {
    let bytes = lines(
      #"{"text": "one two"}"#, #"{"text": "One two"}"#, #"{"text": " one \n two "}"#, #"{"text": "one\ttwo"}"#)
    let kept = try DataSet(bytes: bytes, tokenizer: tokenizer)
    #expect(kept.report.duplicates == [.init(line: 3, first: 1), .init(line: 4, first: 1)])
    #expect(kept.examples.count == 4)
    let dropped = try DataSet(bytes: bytes, tokenizer: tokenizer, options: options { $0.duplicates = .drop })
    #expect(dropped.report.duplicates == kept.report.duplicates)
    #expect(dropped.examples.map(\.line) == [1, 2])
  }

  @Test func `has truncation counted, and says what of it trains nothing`() throws {
    let prompt = String(repeating: "why ", count: 20)
    let bytes = lines(
      #"{"prompt": "a", "completion": "b"}"#, "{\"prompt\": \"\(prompt)\", \"completion\": \"because\"}",
      "{\"prompt\": \"a\", \"completion\": \"\(prompt)\"}")
    let whole = try DataSet(bytes: bytes, tokenizer: tokenizer)
    let data = try DataSet(bytes: bytes, tokenizer: tokenizer, options: options { $0.maximumLength = 10 })
    for (cut, full) in zip(data.examples, whole.examples) {
      #expect(cut.tokens == Array(full.tokens.prefix(10)))
      #expect(cut.labels == Array(full.labels.prefix(10)))
      #expect(cut.truncatedTokens == full.tokens.count - cut.tokens.count)
    }
    #expect(data.report.truncated.map(\.line) == [2, 3])
    #expect(data.report.truncated.map(\.leavesNothingToTrain) == [true, false])
    #expect(data.report.tokens == data.examples.reduce(0) { $0 + $1.tokens.count })
    #expect(data.report.lengths?.maximum == 10)
    #expect(throws: DataError.badSetting("the maximum length", value: 1, expected: "2 tokens or more")) {
      try DataSet(bytes: bytes, tokenizer: tokenizer, options: options { $0.maximumLength = 1 })
    }
  }

  @Test func `is reported as JSON`() throws {
    let bytes = lines(#"{"text": "one"}"#, "x", #"{"text": "one"}"#)
    let report = try DataSet(bytes: bytes, tokenizer: tokenizer, options: options { $0.badLines = .skip }).report
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let tokens = tokenizer.encode("one").count + 1
    #expect(
      String(decoding: try encoder.encode(report), as: UTF8.self)
        == #"{"blankLines":0,"duplicates":[{"first":1,"line":3}],"duplicatesDropped":false,"examples":2,"lengths":{"maximum":\#(tokens),"median":\#(tokens),"minimum":\#(tokens),"percentile90":\#(tokens)},"lines":3,"notes":[],"skipped":[{"line":2,"reason":"byte 0 of the JSON is 'x', which cannot stand there"}],"tokens":\#(2 * tokens),"trainedTokens":\#(2 * tokens - 2),"truncated":[],"unencodable":0,"untrained":[]}"#
    )
  }

  @Test func `says that a chat template is not the model's own`() throws {
    let bytes = lines(#"{"messages": [{"role": "assistant", "content": "Ho"}]}"#)
    #expect(
      try DataSet(bytes: bytes, tokenizer: tokenizer).report.notes
        == ["the model's files have no chat template: chatML is used"])
    #expect(try DataSet(bytes: lines(#"{"text": "Ho"}"#), tokenizer: tokenizer).report.notes == [])
  }
}
