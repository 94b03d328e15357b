/// Several examples in one row, so that fewer tokens are padding.
///
/// The examples of a row see each other: attention is causal over the whole row, and positions run on. That is what
/// TRL does too where it packs without an attention that knows of borders. The first token of every example is no
/// target of the one before, so packing trains the same tokens as padding.
public enum Packing: String, Hashable, Sendable, CaseIterable {
  /// Each example goes into the first row with room for it.
  case firstFit
  /// A row is closed when the next example does not fit; neighbors in the file stay neighbors.
  case inOrder

  /// Which examples go into which row, given their lengths, none longer than `room`.
  func rows(lengths: [Int], room: Int) -> [[Int]] {
    switch self {
    case .inOrder:
      var rows: [[Int]] = []
      var left = 0
      for (index, length) in lengths.enumerated() {
        if rows.isEmpty || length > left {
          rows.append([])
          left = room
        }
        rows[rows.count - 1].append(index)
        left -= length
      }
      return rows
    case .firstFit:
      var rows: [[Int]] = []
      var free = FreeRoom(rows: lengths.count, room: room)
      for (index, length) in lengths.enumerated() {
        let row = free.takeFirst(length)
        if row == rows.count { rows.append([]) }
        rows[row].append(index)
      }
      return rows
    }
  }
}

/// The room left in each row, as a tree of maxima: the first row with enough is found in logarithmic time.
private struct FreeRoom {
  private var tree: [Int]
  private let leaves: Int

  init(rows: Int, room: Int) {
    var leaves = 1
    while leaves < max(rows, 1) { leaves *= 2 }
    self.leaves = leaves
    tree = Array(repeating: room, count: 2 * leaves)
  }

  /// Takes `length` of the first row that has as much; there are as many rows as examples, so one always has.
  mutating func takeFirst(_ length: Int) -> Int {
    var node = 1
    while node < leaves { node = tree[2 * node] >= length ? 2 * node : 2 * node + 1 }
    let row = node - leaves
    tree[node] -= length
    while node > 1 {
      node /= 2
      tree[node] = max(tree[2 * node], tree[2 * node + 1])
    }
    return row
  }
}
