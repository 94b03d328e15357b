/// An array of objects, one a row, with the columns' keys in their order.
public struct JSONFormat: TableFormat {
  public init() {}

  public func render(_ table: Table) -> String { table.json.text + "\n" }
}
