/// The forms in which every table and verdict can be had.
public enum OutputFormat: String, CaseIterable, Hashable, Sendable {
  /// For a terminal: aligned, at most so many columns wide.
  case text
  /// For programs: raw integers of bytes, keys that stay.
  case json
  /// For spreadsheets: one header line, raw integers of bytes, columns that stay.
  case csv
  /// For a page.
  case markdown
}

/// Something that a command prints, in any form.
public protocol Report {
  /// The page that people read, as text or Markdown.
  var document: Document { get }
  /// The table that a spreadsheet reads.
  var table: Table { get }
  /// The value that a program reads.
  var json: OrderedJSON { get }
}

extension Report {
  /// The whole output, ending with a line feed.
  ///
  /// - Parameter width: columns of the terminal; only text heeds it.
  public func rendered(as format: OutputFormat, width: Int = TextFormat.defaultWidth) -> String {
    switch format {
    case .text: document.text(width: width)
    case .markdown: document.markdown
    case .csv: CSVFormat().render(table)
    case .json: json.text + "\n"
    }
  }
}
