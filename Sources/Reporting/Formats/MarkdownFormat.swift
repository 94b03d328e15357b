/// A table of GitHub Flavored Markdown, numbers on the right.
public struct MarkdownFormat: TableFormat {
  public init() {}

  public func render(_ table: Table) -> String {
    let columns = table.dataColumns
    let header = columns.map { MarkdownFormat.escaped($0.column.header) }
    let rules = columns.map { $0.column.alignment == .right ? "---:" : "---" }
    let rows = table.rows.map { row in
      columns.map { MarkdownFormat.escaped(row[$0.place].printed($0.column)) }
    }
    let total = table.total.map { row in
      columns.map { column in
        // A total has nothing to say under some columns.
        row[column.place] == .none ? "" : "**" + MarkdownFormat.escaped(row[column.place].printed(column.column)) + "**"
      }
    }
    return ([header, rules] + rows + [total].compactMap(\.self))
      .map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
  }

  /// Text that stays one cell of one row and sets nothing in bold, code or HTML by accident.
  static func escaped(_ text: String) -> String {
    var escaped = ""
    for character in Printable.line(text) {
      if "\\|*`<>".contains(character) { escaped.append("\\") }
      escaped.append(character)
    }
    return escaped
  }
}
