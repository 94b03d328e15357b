/// The merges of a model: a pair of token ids to its rank and to the token it makes.
///
/// Open addressing with a multiplicative hash, since the look-up is the inner loop of encoding.
struct MergeTable: Sendable {
  private var keys: [UInt64]
  private var values: [(rank: Int32, made: Int32)]
  private let shift: Int
  private let mask: Int

  /// Larger than any pair of non-negative ids.
  private static let vacant = UInt64.max

  init(capacity: Int) {
    var bits = 4
    while 1 << bits < 2 * capacity { bits += 1 }
    shift = 64 - bits
    mask = 1 << bits - 1
    keys = Array(repeating: Self.vacant, count: 1 << bits)
    values = Array(repeating: (0, 0), count: 1 << bits)
  }

  private func slot(of key: UInt64) -> Int {
    var slot = Int((key &* 0x9E37_79B9_7F4A_7C15) >> UInt64(shift))
    while keys[slot] != key, keys[slot] != Self.vacant { slot = (slot + 1) & mask }
    return slot
  }

  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// Sets the merge of a pair; a later one of the same pair takes the place of the earlier.
  mutating func insert(_ left: Int32, _ right: Int32, rank: Int32, made: Int32) {
    let slot = slot(of: Self.key(left, right))
    keys[slot] = Self.key(left, right)
    values[slot] = (rank, made)
  }

  subscript(left: Int32, right: Int32) -> (rank: Int32, made: Int32)? {
    let key = Self.key(left, right)
    let slot = slot(of: key)
    return keys[slot] == key ? values[slot] : nil
  }
}
