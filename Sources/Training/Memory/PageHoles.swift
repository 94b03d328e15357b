/// The pages that closed blocks left behind, by address: neighbors become one, and a part of one can be taken.
struct PageHoles {
  /// Where a hole starts and how many bytes it has, both whole pages.
  struct Hole: Hashable {
    let base: UInt
    let size: Int
    var end: UInt { base + UInt(size) }
  }

  /// Sorted by address; no two touch.
  private(set) var holes: [Hole] = []
  /// Bytes in all of them.
  private(set) var size = 0

  /// The place of the first hole at or beyond an address.
  private func place(of base: UInt) -> Int {
    var (low, high) = (0, holes.count)
    while low < high {
      let middle = (low + high) / 2
      if holes[middle].base < base { low = middle + 1 } else { high = middle }
    }
    return low
  }

  mutating func insert(_ hole: Hole) {
    size += hole.size
    let at = place(of: hole.base)
    var merged = hole
    var replaced = at..<at
    if at < holes.count, holes[at].base == hole.end {
      merged = Hole(base: merged.base, size: merged.size + holes[at].size)
      replaced = at..<at + 1
    }
    if at > 0, holes[at - 1].end == merged.base {
      merged = Hole(base: holes[at - 1].base, size: merged.size + holes[at - 1].size)
      replaced = at - 1..<replaced.upperBound
    }
    holes.replaceSubrange(replaced, with: CollectionOfOne(merged))
  }

  /// Takes `count` bytes from the smallest hole that has as many, or from none.
  mutating func take(_ count: Int) -> Hole? {
    var best: Int?
    for (index, hole) in holes.enumerated() where hole.size >= count {
      if let smallest = best, holes[smallest].size <= hole.size { continue }
      best = index
      if hole.size == count { break }
    }
    return best.map { take(count, from: $0) }
  }

  /// Takes `count` bytes from the largest hole, or all of it if it has fewer; nothing if there is no hole.
  mutating func takeLargest(_ count: Int) -> Hole? {
    var largest: Int?
    for (index, hole) in holes.enumerated() where largest.map({ holes[$0].size < hole.size }) ?? true {
      largest = index
    }
    return largest.map { take(min(count, holes[$0].size), from: $0) }
  }

  private mutating func take(_ count: Int, from index: Int) -> Hole {
    let hole = holes[index]
    size -= count
    if hole.size == count {
      holes.remove(at: index)
    } else {
      holes[index] = Hole(base: hole.base + UInt(count), size: hole.size - count)
    }
    return Hole(base: hole.base, size: count)
  }
}
