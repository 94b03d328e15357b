/// Free blocks in order of size, then of address: what `std::set<Block*>` with `BlockComparatorSize` is.
///
/// The order is cut into bins, sixteen to every doubling of the size; within a bin the blocks are chained, so that
/// nothing is moved when one comes or goes.
struct FreeList {
  /// The first block of every bin; negative where there is none.
  private var heads = [Int32](repeating: -1, count: 1024)
  /// A bit for every bin that isn't empty.
  private var filled = [UInt64](repeating: 0, count: 1024 / 64)

  mutating func insert(_ block: Int, _ blocks: inout MutableSpan<SegmentArena.Block>) {
    let (size, address) = (blocks[block].size, blocks[block].address)
    let bin = FreeList.bin(of: size)
    var before: Int32 = -1
    var after = heads[bin]
    while after >= 0, blocks[Int(after)].stands(before: size, address) {
      before = after
      after = blocks[Int(after)].nextFree
    }
    blocks[block].previousFree = before
    blocks[block].nextFree = after
    if after >= 0 { blocks[Int(after)].previousFree = Int32(block) }
    if before >= 0 {
      blocks[Int(before)].nextFree = Int32(block)
    } else {
      heads[bin] = Int32(block)
      filled[bin >> 6] |= 1 << UInt64(bin & 63)
    }
  }

  mutating func remove(_ block: Int, _ blocks: inout MutableSpan<SegmentArena.Block>) {
    let (before, after) = (blocks[block].previousFree, blocks[block].nextFree)
    if after >= 0 { blocks[Int(after)].previousFree = before }
    if before >= 0 {
      blocks[Int(before)].nextFree = after
      return
    }
    let bin = FreeList.bin(of: blocks[block].size)
    heads[bin] = after
    if after < 0 { filled[bin >> 6] &= ~(1 << UInt64(bin & 63)) }
  }

  /// The first block of at least `size`.
  func best(_ size: Int, _ blocks: borrowing MutableSpan<SegmentArena.Block>) -> Int? {
    let bin = FreeList.bin(of: size)
    var block = heads[bin]
    while block >= 0, blocks[Int(block)].size < size { block = blocks[Int(block)].nextFree }
    if block < 0 { block = head(behind: bin) }
    return block < 0 ? nil : Int(block)
  }

  /// The block after this one, in order.
  func following(_ block: Int, _ blocks: borrowing MutableSpan<SegmentArena.Block>) -> Int? {
    var next = blocks[block].nextFree
    if next < 0 { next = head(behind: FreeList.bin(of: blocks[block].size)) }
    return next < 0 ? nil : Int(next)
  }

  /// Every block, in order.
  func all(_ blocks: borrowing MutableSpan<SegmentArena.Block>) -> [Int] {
    var list: [Int] = []
    for bin in heads.indices {
      var block = heads[bin]
      while block >= 0 {
        list.append(Int(block))
        block = blocks[Int(block)].nextFree
      }
    }
    return list
  }

  /// The first block of the bins behind `bin`; negative if they are all empty.
  private func head(behind bin: Int) -> Int32 {
    var word = (bin + 1) >> 6
    guard word < filled.count else { return -1 }
    var bits = filled[word] & (~0 << UInt64((bin + 1) & 63))
    while bits == 0 {
      word += 1
      guard word < filled.count else { return -1 }
      bits = filled[word]
    }
    return heads[word << 6 + bits.trailingZeroBitCount]
  }

  /// The power of two in a size, and the four bits behind it: larger sizes never have lower bins.
  private static func bin(of size: Int) -> Int {
    let power = Int.bitWidth - 1 - size.leadingZeroBitCount
    return power << 4 + (size >> max(0, power - 4)) & 15
  }
}

extension SegmentArena.Block {
  fileprivate func stands(before size: Int, _ address: Int) -> Bool {
    self.size < size || (self.size == size && self.address < address)
  }
}
