import Foundation
import Testing
import Texts

/// JSONL of these lines.
private func lines(_ lines: String...) -> [UInt8] { Array(lines.joined(separator: "\n").utf8) }

@Suite struct `Lengths of a data file` {
  private static let mixed = [
    #"{"instruction": "Add.", "input": "3 + 4", "output": "7"}"#, #"{"prompt": "One,", "completion": " two"}"#,
    #"{"text": "It was a bright cold day in April, and the clocks were striking thirteen."}"#,
    #"{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello, what is it?"}]}"#,
  ]

  @Test func `are those of the examples that training reads`() throws {
    let tokenizer = try Golden.tokenizer("smollm2")
    let bytes = Array(Self.mixed.joined(separator: "\n").utf8)
    let set = try DataSet(bytes: bytes, tokenizer: tokenizer)
    let lengths = try DataLengths(bytes: bytes, counter: .tokenizer(tokenizer))
    #expect(lengths.tokens == set.examples.map(\.tokens.count))
    #expect(lengths.notes == set.report.notes)
  }

  @Test func `without a tokenizer are bytes over the ratio, and a token at the end`() throws {
    let text = String(repeating: "x", count: 400)
    let lengths = try DataLengths(bytes: lines(#"{"text": "\#(text)"}"#), counter: .bytes(perToken: 4))
    #expect(lengths.tokens == [101])
    // Bytes, not characters: an umlaut is two.
    let umlauts = String(repeating: "ü", count: 200)
    #expect(try DataLengths(bytes: lines(#"{"text": "\#(umlauts)"}"#), counter: .bytes(perToken: 4)).tokens == [101])
  }

  @Test func `of conversations count markers as a token each`() throws {
    // ChatML: <|im_start|>user\n, 20 letters, <|im_end|>\n, <|im_start|>assistant\n, 20 letters, <|im_end|>\n.
    // Four markers, and 5 + 20 + 1 + 10 + 20 + 1 = 57 bytes between them.
    let letters = String(repeating: "y", count: 20)
    let line =
      #"{"messages": [{"role": "user", "content": "\#(letters)"}, {"role": "assistant", "content": "\#(letters)"}]}"#
    let lengths = try DataLengths(bytes: lines(line), counter: .bytes(perToken: 3))
    #expect(lengths.tokens == [4 + 19])
    #expect(lengths.notes.count == 1)
  }

  @Test func `name the line that cannot be used, or leave it out`() throws {
    let bytes = lines(#"{"text": "good"}"#, "", #"{"text": 3}"#, "{", #"{"text": "good too"}"#)
    #expect {
      try DataLengths(bytes: bytes, counter: .bytes(perToken: 4))
    } throws: { error in
      guard case DataError.badLine(let problem) = error else { return false }
      return problem.line == 3
    }
    let lengths = try DataLengths(bytes: bytes, counter: .bytes(perToken: 4), badLines: .skip)
    #expect(lengths.tokens.count == 2)
    #expect(lengths.skipped.map(\.line) == [3, 4])
  }

  @Test func `of nothing are refused`() {
    #expect(throws: DataError.noExamples(lines: 0, skipped: 0)) {
      try DataLengths(bytes: lines("", " "), counter: .bytes(perToken: 4))
    }
  }

  @Test func `of a file are read as those of its bytes`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("plimsoll-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("data.jsonl")
    // More than a megabyte, so that lines lie across the reader's chunks.
    let many = Array(repeating: Self.mixed, count: 4000).flatMap(\.self).joined(separator: "\r\n")
    try Data(many.utf8).write(to: file)
    let counter = DataLengths.Counter.bytes(perToken: 3.17)
    let fromFile = try DataLengths(path: file.path, counter: counter)
    #expect(try fromFile == DataLengths(bytes: Array(many.utf8), counter: counter))
    #expect(fromFile.tokens.count == 16_000)
  }
}
