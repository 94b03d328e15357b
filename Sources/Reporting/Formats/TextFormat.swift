/// A table for a terminal: columns side by side, two spaces apart, no line wider than ``width``.
public struct TextFormat: TableFormat {
  public static let defaultWidth = 100

  /// Columns of the terminal.
  public let width: Int
  /// Spaces before each line.
  public let indentation: Int

  public init(width: Int = TextFormat.defaultWidth, indentation: Int = 0) {
    self.width = width
    self.indentation = indentation
  }

  /// No text is cut shorter than this, even where the terminal is too narrow for the table.
  private static let narrowest = 8

  public func render(_ table: Table) -> String {
    let header = table.columns.map { $0.isBar ? "" : $0.header }
    let rows = table.rows.map { row in zip(row, table.columns).map(TextFormat.printed) }
    let total = table.total.map { row in zip(row, table.columns).map { $0 == .none ? "" : TextFormat.printed($0, $1) } }
    let widths = fit(
      table.columns.indices.map { place in
        ([header] + rows + [total].compactMap(\.self)).map { $0[place].count }.max() ?? 0
      }, table.columns)
    var lines: [String] = []
    if header.contains(where: { !$0.isEmpty }) { lines.append(line(header, table.columns, widths)) }
    lines += rows.map { line($0, table.columns, widths) }
    if let total {
      lines.append(String(repeating: "─", count: widths.reduce(0, +) + TextFormat.gap.count * (widths.count - 1)))
      lines.append(line(total, table.columns, widths))
    }
    let margin = String(repeating: " ", count: indentation)
    return lines.map { margin + $0 + "\n" }.joined()
  }

  private static let gap = "  "

  private static func printed(_ cell: Cell, _ column: Column) -> String {
    if case .bar(let width) = column.kind, case .percent(let share) = cell { return bar(share, width: width) }
    return Printable.line(cell.printed(column))
  }

  /// Takes columns from the widest text until the table fits.
  private func fit(_ widths: [Int], _ columns: [Column]) -> [Int] {
    var widths = widths
    let gaps = TextFormat.gap.count * max(0, widths.count - 1)
    var excess = widths.reduce(0, +) + gaps + indentation - width
    while excess > 0 {
      let texts = columns.indices.filter { columns[$0].kind == .text && widths[$0] > TextFormat.narrowest }
      guard let widest = texts.max(by: { widths[$0] < widths[$1] }) else { break }
      widths[widest] -= 1
      excess -= 1
    }
    return widths
  }

  private func line(_ cells: [String], _ columns: [Column], _ widths: [Int]) -> String {
    var line = ""
    for (place, column) in columns.enumerated() {
      if place > 0 { line += TextFormat.gap }
      let text = Printable.shortened(cells[place], to: widths[place])
      let padding = String(repeating: " ", count: widths[place] - text.count)
      line += column.alignment == .right ? padding + text : text + padding
    }
    while line.last == " " { line.removeLast() }
    return line
  }

  /// A bar of eighths of a column; whatever is there at all leaves a mark.
  private static func bar(_ share: Double, width: Int) -> String {
    guard share.isFinite, share > 0 else { return "" }
    let eighths = max(1, Int((min(1, share) * Double(width) * 8).rounded()))
    let partial = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
    return String(repeating: "█", count: eighths / 8) + partial
  }
}
