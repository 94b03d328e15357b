import Modeling

// How cached memory goes back to the driver (torch c10/cuda/CUDACachingAllocator.cpp).

extension SegmentArena {
  /// Gives back every segment that is one free block, and every page that is free (`release_cached_blocks`).
  mutating func emptyCache(_ span: inout MutableSpan<Block>) {
    for list in [large.all(span), small.all(span)] {
      for block in list {
        if isExpandable { unmap(block, &span) } else if isWhole(block, span) { release(block, &span) }
      }
    }
  }

  /// Gives back free blocks that are too large to be split, as many as `size` needs
  /// (`release_available_cached_blocks`).
  ///
  /// - Returns: whether that was enough.
  mutating func releaseOversize(_ size: Int, _ isSmall: Bool, _ span: inout MutableSpan<Block>) -> Bool {
    guard maximumSplit < .max, !isExpandable else { return false }
    let wanted = max(size, maximumSplit)
    if let block = isSmall ? small.best(wanted, span) : large.best(wanted, span) {
      release(block, &span)
      return true
    }
    var released = 0
    for block in (isSmall ? small.all(span) : large.all(span)).reversed() {
      guard released < wanted, span[block].size >= maximumSplit else { break }
      released += span[block].size
      release(block, &span)
    }
    return released >= wanted
  }

  /// Frees whole cached segments that were not asked for longer than the average, once the process holds more than its
  /// threshold (`garbage_collect_cached_blocks`).
  mutating func collectGarbage(_ span: inout MutableSpan<Block>) {
    guard let share = settings.collectionThreshold, let capacity, !isExpandable else { return }
    let threshold = Int(share * Double(capacity))
    guard reserved > threshold else { return }
    let target = reserved - threshold
    var blocks: [Int] = []
    for block in large.all(span) where isWhole(block, span) { blocks.append(block) }
    var reclaimed = 0
    while reclaimed < target, !blocks.isEmpty {
      var ages = 0
      for block in blocks { ages += Int(searches - span[block].freedAt) }
      let limit = Double(ages) / Double(blocks.count)
      var younger: [Int] = []
      for block in blocks {
        guard Double(searches - span[block].freedAt) >= limit else {
          younger.append(block)
          continue
        }
        reclaimed += span[block].size
        release(block, &span)
      }
      guard younger.count < blocks.count else { return }
      blocks = younger
    }
  }

  /// Whether a block is all of its segment.
  private func isWhole(_ block: Int, _ span: borrowing MutableSpan<Block>) -> Bool {
    span[block].previous < 0 && span[block].next < 0
  }

  private mutating func release(_ block: Int, _ span: inout MutableSpan<Block>) {
    remove(block, &span)
    giveBack(span[block].size)
    discard(block, &span)
  }
}
