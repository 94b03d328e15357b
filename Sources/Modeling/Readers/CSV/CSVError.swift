/// Why a file of comma-separated values could not be read at all; a single bad record is a ``CSVProblem`` instead.
public enum CSVError: Error, Hashable, CustomStringConvertible {
  case file(FileError)
  case notUTF8(path: String)
  /// Nothing but blank lines.
  case empty(path: String)
  case missingColumns([String], path: String)
  case repeatedColumn(String, path: String)

  public var description: String {
    switch self {
    case .file(let error): error.description
    case .notUTF8(let path): "\(path) is not UTF-8 text: save it as UTF-8"
    case .empty(let path): "\(path) has no header line: the first line must name the columns"
    case .missingColumns(let names, let path):
      "\(path) has no column \(names.joined(separator: ", ")): the first line must name the columns"
    case .repeatedColumn(let name, let path): "\(path) names the column \(name) twice: every name must stand once"
    }
  }
}

/// What is wrong with one record, and where.
public struct CSVProblem: Hashable, Sendable, CustomStringConvertible {
  /// The line in the file, from 1.
  public let line: Int
  /// The column's name, or its place from 1 where it has none.
  public let column: String
  public let reason: String

  public init(line: Int, column: String, reason: String) {
    self.line = line
    self.column = column
    self.reason = reason
  }

  public var description: String { "line \(line), column \(column): \(reason)" }
}
