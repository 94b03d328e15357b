/// A file of comma-separated values under named columns.
public struct CSVTable: Hashable, Sendable {
  /// One record: its fields by column, and the line that each begins on.
  public struct Row: Hashable, Sendable {
    public let line: Int
    fileprivate let texts: [String: String]
    fileprivate let lines: [String: Int]

    /// The text under `column`, spaces around it aside; `nil` where there is none.
    public subscript(column: String) -> String? {
      guard let text = texts[column] else { return nil }
      let trimmed = text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()
      return trimmed.isEmpty ? nil : String(trimmed)
    }

    /// What is wrong under `column`.
    public func problem(_ column: String, _ reason: String) -> CSVProblem {
      CSVProblem(line: lines[column] ?? line, column: column, reason: reason)
    }
  }

  public let columns: [String]
  public let rows: [Row]
  /// Records that are no rows: a quote out of place, too many or too few fields.
  public let problems: [CSVProblem]

  /// The longest file that is read.
  static let longestFile = 256 << 20

  /// Reads the file at `path`, whose first line has to name `required` columns among others.
  public init(path: String, requiring required: [String] = []) throws(CSVError) {
    let bytes: [UInt8]
    do { bytes = try InputFile.contents(of: path, limit: CSVTable.longestFile) } catch { throw .file(error) }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .notUTF8(path: path) }
    try self.init(text, path: path, requiring: required)
  }

  /// Reads text; `path` is what errors call it.
  public init(_ text: String, path: String, requiring required: [String] = []) throws(CSVError) {
    let records = CSVRecords.parse(text)
    guard let header = records.first else { throw .empty(path: path) }
    let names = header.fields.map(\.text)
    let missing = required.filter { !names.contains($0) }
    guard missing.isEmpty else { throw .missingColumns(missing, path: path) }
    if let twice = names.enumerated().first(where: { names.firstIndex(of: $0.element) != $0.offset }) {
      throw .repeatedColumn(twice.element, path: path)
    }
    var rows: [Row] = []
    var problems: [CSVProblem] = []
    for record in records.dropFirst() {
      if let problem = CSVTable.problem(record, names) {
        problems.append(problem)
        continue
      }
      rows.append(
        Row(
          line: record.line,
          texts: Dictionary(uniqueKeysWithValues: zip(names, record.fields.map(\.text))),
          lines: Dictionary(uniqueKeysWithValues: zip(names, record.fields.map(\.line)))))
    }
    columns = names
    self.rows = rows
    self.problems = problems
  }

  private static func problem(_ record: CSVRecords.Record, _ names: [String]) -> CSVProblem? {
    func name(_ place: Int) -> String { place < names.count ? names[place] : "\(place + 1)" }
    if let defect = record.defect {
      return CSVProblem(
        line: record.fields[defect.place].line, column: name(defect.place), reason: defect.reason)
    }
    guard record.fields.count != names.count else { return nil }
    return CSVProblem(
      line: record.line, column: name(min(record.fields.count, names.count)),
      reason: "\(record.fields.count) fields under \(names.count) columns")
  }
}
