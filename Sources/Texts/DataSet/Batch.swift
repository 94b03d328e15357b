// Shape letters here: B rows, S tokens of a row.

/// Rows of one length, ready for a training step.
public struct Batch: Hashable, Sendable {
  /// B.
  public let rows: Int
  /// S.
  public let sequenceLength: Int
  /// [B, S], row by row.
  public let tokens: [Int32]
  /// [B, S]: a label is its own token, or -100 where no loss is taken; not shifted.
  public let labels: [Int32]
  /// Tokens that are no padding.
  public let realTokens: Int

  /// Tokens on which a loss is taken.
  public var trainedTokens: Int {
    labels.indices.count { $0 % sequenceLength != 0 && labels[$0] != EncodedExample.ignoredLabel }
  }

  /// Pads `rows` to `length` at the end, and fills up to `count` rows with padding alone.
  init(_ rows: [Row], count: Int, length: Int, padding: Int32) {
    var tokens = [Int32](repeating: padding, count: count * length)
    var labels = [Int32](repeating: EncodedExample.ignoredLabel, count: count * length)
    for (index, row) in rows.enumerated() {
      let start = index * length
      tokens.replaceSubrange(start..<start + row.tokens.count, with: row.tokens)
      labels.replaceSubrange(start..<start + row.labels.count, with: row.labels)
    }
    self.rows = count
    self.sequenceLength = length
    self.tokens = tokens
    self.labels = labels
    self.realTokens = rows.reduce(0) { $0 + $1.tokens.count }
  }
}
