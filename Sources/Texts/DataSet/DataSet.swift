/// Encoded examples, and an account of how the file became them.
public struct DataSet: Sendable {
  /// In the order of the lines.
  public let examples: [EncodedExample]
  public let report: DataReport

  /// Reads a JSONL file and encodes its examples.
  ///
  /// - Parameter template: how conversations are written; nil takes the tokenizer's own template or a fallback, which
  ///   the report then says.
  /// - Throws: ``DataError`` where the file cannot be read, where a line is bad and the options refuse such, and where
  ///   no example is left.
  public init(
    path: String, tokenizer: Tokenizer, template: ChatTemplate? = nil, options: DataOptions = DataOptions()
  ) throws(DataError) {
    let lines: Lines
    do throws(TextFileError) { lines = try Lines(path: path) } catch { throw .unreadable(error) }
    try self.init(lines, tokenizer, template, options)
  }

  /// Reads JSONL that is in memory and encodes its examples, as ``init(path:tokenizer:template:options:)`` does.
  public init(
    bytes: [UInt8], tokenizer: Tokenizer, template: ChatTemplate? = nil, options: DataOptions = DataOptions()
  ) throws(DataError) {
    try self.init(Lines(bytes), tokenizer, template, options)
  }

  private init(
    _ lines: Lines, _ tokenizer: Tokenizer, _ template: ChatTemplate?, _ options: DataOptions
  ) throws(DataError) {
    if let limit = options.maximumLength, limit < 2 {
      throw .badSetting("the maximum length", value: limit, expected: "2 tokens or more")
    }
    let choice = template.map { ($0, nil) } ?? ChatTemplate.choice(for: tokenizer)
    var reading = Reading(template: choice.0, options: options)
    try reading.read(lines)
    var report = reading.report
    if reading.hasConversations, let note = choice.1 { report.notes.append(note) }
    let encoded = reading.examples.map { EncodedExample($0, tokenizer: tokenizer, options: options) }
    report.count(encoded)
    if encoded.isEmpty { throw .noExamples(lines: report.lines, skipped: report.skipped.count) }
    examples = encoded
    self.report = report
  }

  /// The pass over the lines.
  private struct Reading {
    let template: ChatTemplate
    let options: DataOptions
    var report = DataReport()
    var examples: [Example] = []
    var hasConversations = false
    /// Normalized text to the first line that has it.
    private var seen: [ExactText: Int] = [:]

    init(template: ChatTemplate, options: DataOptions) {
      self.template = template
      self.options = options
      report.duplicatesDropped = options.duplicates == .drop
    }

    mutating func read(_ source: Lines) throws(DataError) {
      var lines = source
      while let line = try next(&lines) {
        if line.bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) {
          report.blankLines += 1
          continue
        }
        report.lines += 1
        do throws(LineProblem) { try take(line.number, line.bytes) } catch {
          if options.badLines == .refuse { throw .badLine(error) }
          report.skipped.append(error)
        }
      }
    }

    private func next(_ lines: inout Lines) throws(DataError) -> (number: Int, bytes: [UInt8])? {
      do throws(TextFileError) { return try lines.next() } catch { throw .unreadable(error) }
    }

    private mutating func take(_ line: Int, _ bytes: [UInt8]) throws(LineProblem) {
      let record = try Record(line: line, bytes)
      let example = try Example(line: line, record, template: template)
      if case .conversation = record { hasConversations = true }
      let key = ExactText(example.normalizedText)
      if let first = seen[key] {
        report.duplicates.append(.init(line: line, first: first))
        if options.duplicates == .drop { return }
      } else {
        seen[key] = line
      }
      examples.append(example)
    }
  }

  init(examples: [EncodedExample], report: DataReport) {
    self.examples = examples
    self.report = report
  }
}
