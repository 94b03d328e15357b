/// Rows of values under typed columns: the one source of every format.
public struct Table: Hashable, Sendable {
  public let columns: [Column]
  public private(set) var rows: [[Cell]] = []
  /// A last row that adds up the others; for people only, programs add for themselves.
  public private(set) var total: [Cell]?

  public init(_ columns: [Column], rows: [[Cell]] = [], total: [Cell]? = nil) {
    self.columns = columns
    for row in rows { append(row) }
    if let total {
      check(total)
      self.total = total
    }
  }

  public mutating func append(_ row: [Cell]) {
    check(row)
    rows.append(row)
  }

  private func check(_ row: [Cell]) {
    precondition(row.count == columns.count, "a row of \(row.count) cells under \(columns.count) columns")
    for (cell, column) in zip(row, columns) {
      precondition(column.admits(cell), "\(cell) does not belong under \(column.key), which is \(column.kind)")
    }
  }

  /// The columns that have words or numbers in them, by place.
  var dataColumns: [(place: Int, column: Column)] {
    columns.enumerated().filter { !$0.element.isBar }.map { ($0.offset, $0.element) }
  }

  /// An array of objects, one a row.
  public var json: OrderedJSON {
    .array(
      rows.map { row in
        .object(dataColumns.map { OrderedJSON.Member($0.column.key, row[$0.place].json) })
      })
  }
}
