/// A row of a batch before padding: one example, or several packed.
struct Row: Hashable, Sendable {
  var tokens: [Int32] = []
  var labels: [Int32] = []

  /// The rows of `examples`: one each, or packed into rows of `room` tokens.
  static func rows(
    of examples: [EncodedExample], packing: Packing?, room: Int
  ) throws(DataError) -> [Row] {
    guard let packing else { return examples.map { Row(tokens: $0.tokens, labels: $0.labels) } }
    for example in examples where example.tokens.count > room {
      throw .longerThanRow(line: example.line, tokens: example.tokens.count, row: room)
    }
    return packing.rows(lengths: examples.map(\.tokens.count), room: room).map { members in
      var row = Row()
      for example in members.map({ examples[$0] }) where !example.tokens.isEmpty {
        row.tokens += example.tokens
        // Alone the first label is never used; in a row it would make the last example's end predict this beginning.
        row.labels += [EncodedExample.ignoredLabel] + example.labels.dropFirst()
      }
      return row
    }
  }
}
