/// A way to write a table down.
public protocol TableFormat: Sendable {
  /// The whole table, ending with a line feed.
  func render(_ table: Table) -> String
}
