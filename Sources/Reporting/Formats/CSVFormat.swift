/// Comma-separated values, quoted as RFC 4180 has it, with line feeds alone as line ends.
///
/// The header holds the columns' keys, numbers are raw: bytes as integers, shares of one, nothing for what is unknown.
public struct CSVFormat: TableFormat {
  public init() {}

  public func render(_ table: Table) -> String {
    let columns = table.dataColumns
    let header = columns.map { CSVFormat.quoted($0.column.key) }
    let rows = table.rows.map { row in columns.map { CSVFormat.quoted(row[$0.place].raw) } }
    return ([header] + rows).map { $0.joined(separator: ",") + "\n" }.joined()
  }

  /// A field between double quotes, its own doubled, where it holds a comma, a quote or a line end (section 2.6, 2.7).
  static func quoted(_ field: String) -> String {
    let special: Set<Unicode.Scalar> = [",", "\"", "\r", "\n"]
    guard field.unicodeScalars.contains(where: special.contains) else { return field }
    var text = "\""
    for scalar in field.unicodeScalars {
      if scalar == "\"" { text.unicodeScalars.append(scalar) }
      text.unicodeScalars.append(scalar)
    }
    return text + "\""
  }
}
