/// Free blocks in order of size, then of address: what `std::set<Block*>` with `BlockComparatorSize` is.
///
/// The order is cut into bins, sixteen to every doubling of the size. A bin is a ring: a slot of its own, which stands
/// among those of the blocks and holds none, and the blocks of the bin in order; nothing is moved when one comes or
/// goes. Steps free what lies side by side one after the other, up or down: so a place is sought from both ends and from
/// where the last block came.
struct FreeList {
  /// From 1 byte to 2⁴⁷ or more.
  static let binCount = 48 * 16

  /// The slot of the first bin.
  let base: Int
  /// A bit for every bin that isn't empty.
  private var filled = [UInt64](repeating: 0, count: binCount / 64)

  init(base: Int) { self.base = base }

  /// The slots of so many lists, to stand before those of blocks.
  static func slots(lists: Int) -> [SegmentArena.Block] {
    (0..<lists * binCount).map { slot in
      var ring = SegmentArena.Block()
      (ring.previousFree, ring.nextFree, ring.next) = (Int32(slot), Int32(slot), Int32(slot))
      return ring
    }
  }

  mutating func insert(_ block: Int, _ slots: inout MutableSpan<SegmentArena.Block>) {
    let (size, address) = (slots[block].size, slots[block].address)
    let bin = FreeList.bin(of: size)
    let ring = base + bin
    var before = Int(slots[ring].previousFree)
    if before == ring {
      filled[bin >> 6] |= 1 << UInt64(bin & 63)
    } else if !slots[before].stands(before: size, address) {
      before = place(of: size, address, in: ring, slots)
    }
    let after = slots[before].nextFree
    slots[block].previousFree = Int32(before)
    slots[block].nextFree = after
    slots[Int(after)].previousFree = Int32(block)
    slots[before].nextFree = Int32(block)
    // Of a ring's own slot, this is where the last block came.
    slots[ring].next = Int32(block)
  }

  /// What the given block comes after in a ring that has some, the last of which comes after it.
  private func place(
    of size: Int, _ address: Int, in ring: Int, _ slots: borrowing MutableSpan<SegmentArena.Block>
  ) -> Int {
    guard slots[Int(slots[ring].nextFree)].stands(before: size, address) else { return ring }
    // The first block stands before the given one, and the last one behind: both ways end.
    var before = Int(slots[ring].next)
    while !slots[before].stands(before: size, address) { before = Int(slots[before].previousFree) }
    var after = Int(slots[before].nextFree)
    while slots[after].stands(before: size, address) { (before, after) = (after, Int(slots[after].nextFree)) }
    return before
  }

  mutating func remove(_ block: Int, _ slots: inout MutableSpan<SegmentArena.Block>) {
    let (before, after) = (Int(slots[block].previousFree), Int(slots[block].nextFree))
    let bin = FreeList.bin(of: slots[block].size)
    let ring = base + bin
    slots[after].previousFree = Int32(before)
    slots[before].nextFree = Int32(after)
    if slots[ring].next == Int32(block) { slots[ring].next = Int32(before == ring ? after : before) }
    if before == after, before == ring { filled[bin >> 6] &= ~(1 << UInt64(bin & 63)) }
  }

  /// The first block of at least `size`.
  func best(_ size: Int, _ slots: borrowing MutableSpan<SegmentArena.Block>) -> Int? {
    let bin = FreeList.bin(of: size)
    let ring = base + bin
    let last = Int(slots[ring].previousFree)
    guard last != ring, slots[last].size >= size else { return first(behind: bin, slots) }
    var block = Int(slots[ring].nextFree)
    while slots[block].size < size { block = Int(slots[block].nextFree) }
    return block
  }

  /// The block after this one, in order.
  func following(_ block: Int, _ slots: borrowing MutableSpan<SegmentArena.Block>) -> Int? {
    let bin = FreeList.bin(of: slots[block].size)
    let next = Int(slots[block].nextFree)
    return next == base + bin ? first(behind: bin, slots) : next
  }

  /// Every block, in order.
  func all(_ slots: borrowing MutableSpan<SegmentArena.Block>) -> [Int] {
    var list: [Int] = []
    var block = first(behind: -1, slots)
    while let next = block {
      list.append(next)
      block = following(next, slots)
    }
    return list
  }

  /// The first block of the bins behind `bin`; `nil` if they are all empty.
  private func first(behind bin: Int, _ slots: borrowing MutableSpan<SegmentArena.Block>) -> Int? {
    var word = (bin + 1) >> 6
    guard word < filled.count else { return nil }
    var bits = filled[word] & (~0 << UInt64((bin + 1) & 63))
    while bits == 0 {
      word += 1
      guard word < filled.count else { return nil }
      bits = filled[word]
    }
    return Int(slots[base + word << 6 + bits.trailingZeroBitCount].nextFree)
  }

  /// The power of two in a size, and the four bits behind it: larger sizes never have lower bins.
  private static func bin(of size: Int) -> Int {
    let power = Int.bitWidth - 1 - size.leadingZeroBitCount
    return min(power << 4 + (size >> max(0, power - 4)) & 15, binCount - 1)
  }
}

extension SegmentArena.Block {
  fileprivate func stands(before size: Int, _ address: Int) -> Bool {
    self.size < size || (self.size == size && self.address < address)
  }
}
