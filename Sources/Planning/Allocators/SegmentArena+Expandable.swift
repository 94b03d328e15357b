// Segments that grow by pages (torch c10/cuda/CUDACachingAllocator.cpp, `ExpandableSegment`).

extension SegmentArena {
  /// Addresses of a segment: more than any device has pages for.
  private static let addressSpace = 1 << 46

  /// Pages of a pool: 2 MiB in the small one, as much as a large segment in the other.
  private func page(_ isSmall: Bool) -> Int { isSmall ? SegmentArena.smallSegment : largeSegment }

  /// The lowest free addresses of at least `size`, some of them without pages (`find_expandable_block`).
  private func expandable(_ size: Int, _ isSmall: Bool, _ span: borrowing MutableSpan<Block>) -> Int? {
    for unmapped in isSmall ? smallUnmapped : largeUnmapped {
      let previous = Int(span[unmapped].previous)
      let start = previous >= 0 && span[previous].isFree ? previous : unmapped
      var bytes = 0
      var block = start
      while bytes < size, block >= 0, span[block].isFree {
        bytes += span[block].size
        block = Int(span[block].next)
      }
      if bytes >= size { return start }
    }
    return nil
  }

  /// What `size` bytes would take from the driver, in whole pages.
  func growth(for size: Int, _ isSmall: Bool, _ span: borrowing MutableSpan<Block>) -> Int {
    let page = page(isSmall)
    guard var block = expandable(size, isSmall, span) else { return (size + page - 1) / page * page }
    var missing = size
    var growth = 0
    while missing > 0, block >= 0 {
      if !span[block].isMapped { growth += (min(missing, span[block].size) + page - 1) / page * page }
      missing -= span[block].size
      block = Int(span[block].next)
    }
    return growth
  }

  /// Maps pages until one free block has `size` bytes, and takes it (`try_allocate_expandable_block`).
  mutating func expand(_ size: Int, _ isSmall: Bool, _ span: inout MutableSpan<Block>) -> Int {
    var block: Int
    if let found = expandable(size, isSmall, span) {
      block = found
    } else {
      block = make(Block(size: SegmentArena.addressSpace, isSmall: isSmall, isFree: true, isMapped: false), &span)
      keepUnmapped(block, span)
    }
    if !span[block].isMapped { block = map(block, min(size, span[block].size), &span) }
    while span[block].size < size {
      let next = Int(span[block].next)
      block = map(next, min(size - span[block].size, span[next].size), &span)
    }
    remove(block, &span)
    return block
  }

  /// Puts pages behind the first `size` bytes of a block without, which joins its free neighbors (`map_block`).
  private mutating func map(_ block: Int, _ size: Int, _ span: inout MutableSpan<Block>) -> Int {
    let page = page(span[block].isSmall)
    let growth = (size + page - 1) / page * page
    forgetUnmapped(block, span)
    reserve(growth)
    let whole = span[block]
    if growth < whole.size {
      let rest = make(
        Block(
          address: whole.address + growth, size: whole.size - growth, previous: Int32(block), next: whole.next,
          isSmall: whole.isSmall, isFree: true, isMapped: false), &span)
      if whole.next >= 0 { span[Int(whole.next)].previous = Int32(rest) }
      span[block].next = Int32(rest)
      span[block].size = growth
      keepUnmapped(rest, span)
    }
    span[block].isMapped = true
    let joined = mergedWithNeighbors(block, &span)
    insert(joined, &span)
    return joined
  }

  /// Gives back the pages that are wholly inside a free block (`unmap_block`).
  mutating func unmap(_ block: Int, _ span: inout MutableSpan<Block>) {
    let whole = span[block]
    let page = page(whole.isSmall)
    let start = (whole.address + page - 1) / page * page
    let end = (whole.address + whole.size) / page * page
    guard start < end else { return }
    remove(block, &span)
    if start > whole.address {
      let before = make(
        Block(
          address: whole.address, size: start - whole.address, previous: whole.previous, next: Int32(block),
          isSmall: whole.isSmall, isFree: true), &span)
      if whole.previous >= 0 { span[Int(whole.previous)].next = Int32(before) }
      span[block].previous = Int32(before)
      insert(before, &span)
    }
    if end < whole.address + whole.size {
      let after = make(
        Block(
          address: end, size: whole.address + whole.size - end, previous: Int32(block), next: whole.next,
          isSmall: whole.isSmall, isFree: true), &span)
      if whole.next >= 0 { span[Int(whole.next)].previous = Int32(after) }
      span[block].next = Int32(after)
      insert(after, &span)
    }
    span[block].address = start
    span[block].size = end - start
    span[block].isMapped = false
    giveBack(end - start)
    var kept = block
    let previous = Int(span[kept].previous)
    if previous >= 0, !span[previous].isMapped {
      forgetUnmapped(previous, span)
      merge(previous, kept, &span)
      kept = previous
    }
    let next = Int(span[kept].next)
    if next >= 0, !span[next].isMapped {
      forgetUnmapped(next, span)
      merge(kept, next, &span)
    }
    keepUnmapped(kept, span)
  }

  private mutating func keepUnmapped(_ block: Int, _ span: borrowing MutableSpan<Block>) {
    let address = span[block].address
    var list = span[block].isSmall ? smallUnmapped : largeUnmapped
    var place = 0
    while place < list.count, span[list[place]].address < address { place += 1 }
    list.insert(block, at: place)
    if span[block].isSmall { smallUnmapped = list } else { largeUnmapped = list }
  }

  private mutating func forgetUnmapped(_ block: Int, _ span: borrowing MutableSpan<Block>) {
    if span[block].isSmall { smallUnmapped.removeAll { $0 == block } } else { largeUnmapped.removeAll { $0 == block } }
  }
}
