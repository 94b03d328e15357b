/// In which order samples become rows of micro-batches.
public enum RowOrder: String, CaseIterable, Hashable, Sendable, Codable {
  /// Shuffled, each row padded to the longest of its micro-batch: the Trainer's default.
  case random
  /// Shuffled, then sorted by length within stretches of many micro-batches: `group_by_length`.
  case grouped
  /// Several samples to a row of the full sequence: TRL's `packing`.
  case packed
}

extension RowOrder {
  /// The lengths of all rows, in the order in which micro-batches of `rows` take them.
  ///
  /// - Parameters:
  ///   - lengths: of samples, none longer than `sequence`.
  ///   - seed: decides the shuffle, the same on every machine.
  func rowLengths(_ lengths: [Int], sequence: Int, rows: Int, seed: UInt64) -> [Int] {
    switch self {
    case .random: return RowOrder.shuffled(lengths, seed: seed)
    case .grouped: return RowOrder.grouped(RowOrder.shuffled(lengths, seed: seed), rows: rows)
    case .packed: return Array(repeating: sequence, count: PackedRows.count(lengths, room: sequence))
    }
  }

  /// Stretches of up to 50 micro-batches, but at least four of them, each sorted with the longest first; the longest of
  /// all comes first (transformers/trainer_pt_utils.py, `get_length_grouped_indices`).
  private static func grouped(_ lengths: [Int], rows: Int) -> [Int] {
    let stretch = max(1, min(lengths.count / (rows * 4), 50)) * rows
    var stretches = stride(from: 0, to: lengths.count, by: stretch).map { start in
      Array(lengths[start..<min(start + stretch, lengths.count)].sorted(by: >))
    }
    if let longest = stretches.indices.max(by: { stretches[$0][0] < stretches[$1][0] }) {
      let head = stretches[longest][0]
      stretches[longest][0] = stretches[0][0]
      stretches[0][0] = head
    }
    return stretches.flatMap(\.self)
  }

  /// Fisher and Yates's shuffle, in Durstenfeld's form, on SplitMix64's numbers.
  private static func shuffled(_ lengths: [Int], seed: UInt64) -> [Int] {
    var lengths = lengths
    var state = seed
    for place in stride(from: lengths.count - 1, to: 0, by: -1) {
      state &+= 0x9E37_79B9_7F4A_7C15
      var number = state
      number = (number ^ (number >> 30)) &* 0xBF58_476D_1CE4_E5B9
      number = (number ^ (number >> 27)) &* 0x94D0_49BB_1331_11EB
      number ^= number >> 31
      // A number below place + 1: the upper half of a product (Lemire 2019, "Fast random integer generation").
      lengths.swapAt(place, Int(number.multipliedFullWidth(by: UInt64(place + 1)).high))
    }
    return lengths
  }
}

/// Samples put into rows of a fixed length, best fit first, the longest sample first.
///
/// TRL's default strategy (trl/data_utils.py, `_pack_bfd`): each sample goes into the fullest row that has room for it.
enum PackedRows {
  /// Rows that hold all samples, none of which is longer than `room`.
  static func count(_ lengths: [Int], room: Int) -> Int {
    var bySize = [Int](repeating: 0, count: room + 1)
    for length in lengths { bySize[min(length, room)] += 1 }
    var open = OpenRows(room: room)
    var rows = 0
    for length in stride(from: room, through: 1, by: -1) {
      for _ in 0..<bySize[length] {
        if let left = open.take(atLeast: length) {
          open.add(left - length)
        } else {
          rows += 1
          open.add(room - length)
        }
      }
    }
    return rows
  }

  /// How many rows have so much room left, as a tree of sums: the least room that suffices is found in logarithmic time.
  private struct OpenRows {
    private var tree: [Int]
    private let leaves: Int

    init(room: Int) {
      var leaves = 1
      while leaves < room + 1 { leaves *= 2 }
      self.leaves = leaves
      tree = Array(repeating: 0, count: 2 * leaves)
    }

    mutating func add(_ left: Int, _ times: Int = 1) {
      var node = left + leaves
      while node > 0 {
        tree[node] += times
        node /= 2
      }
    }

    /// Takes a row with the least room that is at least `length`, and answers with its room.
    mutating func take(atLeast length: Int) -> Int? {
      // Up to the first ancestor whose right neighbor holds a row, then down to that row's leaf.
      var node = length + leaves
      if tree[node] == 0 {
        while node > 1, !(node.isMultiple(of: 2) && tree[node + 1] > 0) { node /= 2 }
        guard node > 1 else { return nil }
        node += 1
        while node < leaves { node = tree[2 * node] > 0 ? 2 * node : 2 * node + 1 }
      }
      let left = node - leaves
      add(left, -1)
      return left
    }
  }
}
