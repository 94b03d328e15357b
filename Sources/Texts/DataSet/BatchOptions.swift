/// How examples become batches.
public struct BatchOptions: Hashable, Sendable {
  /// How long the rows of a batch are made.
  public enum RowLength: Hashable, Sendable {
    /// As long as the longest of the batch, rounded up to a multiple.
    case longest(multipleOf: Int)
    /// So many tokens, always.
    case fixed(Int)
  }

  /// What becomes of rows that don't fill the last batch of an epoch.
  public enum LastBatch: String, Hashable, Sendable, CaseIterable {
    /// Rows of padding fill it up, so that every batch has the same number of rows and no example is left out.
    case fill
    /// It has fewer rows.
    case short
  }

  /// Rows of a batch.
  public var rows: Int
  public var rowLength: RowLength
  /// How several examples share a row, which needs a fixed row length; nil puts one example in a row.
  public var packing: Packing?
  /// Another order in every epoch, decided by the seed; else the order of the file.
  public var shuffles = true
  public var seed: UInt64 = 0
  public var lastBatch = LastBatch.fill

  public init(rows: Int, rowLength: RowLength, packing: Packing? = nil) {
    self.rows = rows
    self.rowLength = rowLength
    self.packing = packing
  }
}
