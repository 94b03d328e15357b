/// Why a data file could not become a data set.
public enum DataError: Error, Hashable, Sendable {
  case unreadable(TextFileError)
  /// A line that cannot be used, where the options refuse such.
  case badLine(LineProblem)
  /// Nothing is left to train on: how many lines there were, and how many of them were skipped.
  case noExamples(lines: Int, skipped: Int)
  /// A setting that cannot be: its name, and what it must be.
  case badSetting(String, value: Int, expected: String)
  /// An example longer than a row, which packing would have to cut.
  case longerThanRow(line: Int, tokens: Int, row: Int)
}

extension DataError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let error): "\(error)"
    case .badLine(let problem): "\(problem); it can be left out by skipping bad lines"
    case .noExamples(let lines, let skipped):
      "the data has no example to train on: \(lines) lines, of which \(skipped) were skipped"
    case .badSetting(let name, let value, let expected): "\(name) must be \(expected); it is \(value)"
    case .longerThanRow(let line, let tokens, let row):
      "the example of line \(line) has \(tokens) tokens and a row holds \(row): set the maximum length to the row's"
    }
  }
}
