/// Free blocks in order of size, then of address: what `std::set<Block*>` with `BlockComparatorSize` is.
///
/// The order is cut into bins, eight to every doubling of the size, so that a long list need not be moved when a block
/// comes or goes.
struct FreeList {
  private struct Entry {
    let size: Int
    let address: Int
    let block: Int
  }

  private static let binsOfWord = UInt64.bitWidth
  private var bins: [[Entry]] = Array(repeating: [], count: 8 * Int.bitWidth)
  /// A bit for every bin that isn't empty.
  private var filled: [UInt64] = Array(repeating: 0, count: 8 * Int.bitWidth / FreeList.binsOfWord)

  var blocks: [Int] { bins.flatMap { $0.map(\.block) } }

  mutating func insert(_ block: Int, size: Int, address: Int) {
    let bin = FreeList.bin(of: size)
    bins[bin].insert(Entry(size: size, address: address, block: block), at: position(size, address, in: bin))
    filled[bin / FreeList.binsOfWord] |= 1 << UInt64(bin % FreeList.binsOfWord)
  }

  mutating func remove(size: Int, address: Int) {
    let bin = FreeList.bin(of: size)
    _ = remove(at: position(size, address, in: bin), from: bin)
  }

  /// Takes off the first block of at least `size`; `tail` only if no other will do.
  mutating func takeBest(_ size: Int, avoiding tail: Int) -> Int? {
    let own = FreeList.bin(of: size)
    guard let first = entry(from: own, position(size, Int.min, in: own)) else { return nil }
    guard bins[first.bin][first.index].block == tail, let second = entry(from: first.bin, first.index + 1) else {
      return remove(at: first.index, from: first.bin)
    }
    return remove(at: second.index, from: second.bin)
  }

  /// The entry at a place of a bin, or the first one of the bins behind it.
  private func entry(from bin: Int, _ index: Int) -> (bin: Int, index: Int)? {
    if index < bins[bin].count { return (bin, index) }
    var word = (bin + 1) / FreeList.binsOfWord
    guard word < filled.count else { return nil }
    var bits = filled[word] & (~0 << UInt64((bin + 1) % FreeList.binsOfWord))
    while bits == 0 {
      word += 1
      guard word < filled.count else { return nil }
      bits = filled[word]
    }
    return (word * FreeList.binsOfWord + bits.trailingZeroBitCount, 0)
  }

  private mutating func remove(at index: Int, from bin: Int) -> Int {
    let block = bins[bin].remove(at: index).block
    if bins[bin].isEmpty { filled[bin / FreeList.binsOfWord] &= ~(1 << UInt64(bin % FreeList.binsOfWord)) }
    return block
  }

  /// The power of two in a size, and the three bits behind it: larger sizes never have lower bins.
  private static func bin(of size: Int) -> Int {
    let power = Int.bitWidth - 1 - size.leadingZeroBitCount
    return 8 * power + (size >> max(0, power - 3)) & 7
  }

  /// Where (size, address) stands or would stand in a bin.
  private func position(_ size: Int, _ address: Int, in bin: Int) -> Int {
    var low = 0
    var high = bins[bin].count
    while low < high {
      let middle = (low + high) / 2
      let entry = bins[bin][middle]
      if entry.size < size || (entry.size == size && entry.address < address) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }
}
