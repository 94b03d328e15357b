/// How long the examples of a data file are: the file is read a line at a time, and only the lengths are kept.
public struct DataLengths: Hashable, Sendable {
  /// How text becomes a number of tokens.
  public enum Counter: Sendable {
    /// Exactly, written by the model's own chat template where there is one.
    case tokenizer(Tokenizer)
    /// From bytes of UTF-8, so many a token.
    ///
    /// Conversations are written as ChatML, whose markers are a token each; anything else ends with one.
    case bytes(perToken: Double)
  }

  /// Tokens of every example, in the order of the lines; nothing is cut.
  public let tokens: [Int]
  /// Lines that were left out.
  public let skipped: [LineProblem]
  /// Remarks on how text was made, such as a chat template that was not recognized.
  public let notes: [String]

  /// Reads a JSONL file as ``DataSet`` does, every shape of line that it knows.
  ///
  /// - Parameter progress: called with the number of lines that were read, every so often.
  /// - Throws: ``DataError`` where the file cannot be read, where a line is bad and such are refused, and where no
  ///   example is left.
  public init(
    path: String, counter: Counter, badLines: DataOptions.BadLines = .refuse, progress: (Int) -> Void = { _ in }
  ) throws(DataError) {
    var lines: Lines
    do throws(TextFileError) { lines = try Lines(path: path) } catch { throw .unreadable(error) }
    try self.init(&lines, counter, badLines, progress)
  }

  /// Reads JSONL that is in memory.
  public init(
    bytes: [UInt8], counter: Counter, badLines: DataOptions.BadLines = .refuse
  ) throws(DataError) {
    var lines = Lines(bytes)
    try self.init(&lines, counter, badLines) { _ in }
  }

  /// Lines between two calls of a reader's progress.
  private static let progressLines = 100_000

  private init(
    _ lines: inout Lines, _ counter: Counter, _ badLines: DataOptions.BadLines, _ progress: (Int) -> Void
  ) throws(DataError) {
    let measure = Measure(counter)
    var tokens: [Int] = []
    var skipped: [LineProblem] = []
    var (count, hasConversations) = (0, false)
    while true {
      let next: (number: Int, bytes: [UInt8])?
      do throws(TextFileError) { next = try lines.next() } catch { throw .unreadable(error) }
      guard let line = next else { break }
      if line.number.isMultiple(of: DataLengths.progressLines) { progress(line.number) }
      if line.bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
      count += 1
      do throws(LineProblem) {
        let record = try Record(line: line.number, line.bytes)
        if case .conversation = record { hasConversations = true }
        tokens.append(try measure.tokens(of: record, line: line.number))
      } catch {
        if badLines == .refuse { throw .badLine(error) }
        skipped.append(error)
      }
    }
    if tokens.isEmpty { throw .noExamples(lines: count, skipped: skipped.count) }
    self.tokens = tokens
    self.skipped = skipped
    notes = hasConversations ? [measure.note].compactMap(\.self) : []
  }
}

/// Tokens of one example.
private struct Measure {
  let counter: DataLengths.Counter
  let template: ChatTemplate
  let note: String?

  init(_ counter: DataLengths.Counter) {
    self.counter = counter
    switch counter {
    case .tokenizer(let tokenizer): (template, note) = ChatTemplate.choice(for: tokenizer)
    case .bytes: (template, note) = (.plainChatML, "conversations are counted as ChatML, since no tokenizer was named")
    }
  }

  func tokens(of record: Record, line: Int) throws(LineProblem) -> Int {
    let example = try Example(line: line, record, template: template)
    switch counter {
    case .tokenizer(let tokenizer):
      var options = DataOptions()
      // Labels are not asked for, and cost as much as tokens.
      options.completionOnly = false
      return max(1, EncodedExample(example, tokenizer: tokenizer, options: options).tokens.count)
    case .bytes(let perToken):
      let bytes = example.parts.reduce(0) { $0 + $1.text.utf8.count }
      guard case .conversation(let messages) = record else { return 1 + Measure.tokens(bytes, perToken) }
      let markers = messages.count * ChatTemplate.chatMLMarkers.reduce(0) { $0 + $1.utf8.count }
      return messages.count * ChatTemplate.chatMLMarkers.count + Measure.tokens(max(0, bytes - markers), perToken)
    }
  }

  private static func tokens(_ bytes: Int, _ perToken: Double) -> Int {
    max(1, Int((Double(bytes) / perToken).rounded()))
  }
}

extension ChatTemplate {
  /// ChatML without a word of its own.
  fileprivate static let plainChatML = ChatTemplate(
    family: .chatML, beginning: "", end: "", defaultSystem: nil, style: Style())

  /// What stands around every message of ChatML, a token each.
  fileprivate static let chatMLMarkers = ["<|im_start|>", "<|im_end|>"]
}
