import Bookkeeping
import Modeling

/// Segments, the blocks they are cut into, and the free ones in order of size.
///
/// The blocks stand in slots that whoever replays a step keeps and lends for every operation.
struct SegmentArena {
  static let smallestBlock = 512
  /// Requests up to here come from small segments.
  static let smallRequest = 1 << 20
  static let smallSegment = 2 << 20
  /// Requests from here on get a segment of their own size, rounded to ``roundedSegment``.
  static let largeRequest = 10 << 20
  static let roundedSegment = 2 << 20

  struct Block {
    var address = 0
    var size = 0
    /// Neighbors in the same segment; negative where there is none.
    var previous: Int32 = -1
    var next: Int32 = -1
    /// Neighbors in the list of free blocks, or the next unused slot.
    var previousFree: Int32 = -1
    var nextFree: Int32 = -1
    var isSmall = false
    var isFree = false
    /// Whether pages stand behind its addresses; only expandable segments have blocks without.
    var isMapped = true
    /// How often a free block had been sought when this one was freed.
    var freedAt: Int32 = 0
  }

  /// The first slot that holds no block; they are chained by ``SegmentArena/Block/nextFree``.
  private var firstUnused: Int32 = -1
  private var unusedCount = 0
  /// Blocks in the two lists of free ones.
  private var freeCount = 0
  var small = FreeList(base: 0)
  var large = FreeList(base: FreeList.binCount)
  /// With expandable segments: addresses without pages, in order; the last reaches to the end of the segment.
  var smallUnmapped: [Int] = []
  var largeUnmapped: [Int] = []
  private var nextAddress = 0
  private(set) var allocated = 0
  private(set) var reserved = 0
  private(set) var allocatedPeak = 0
  private(set) var reservedPeak = 0
  /// Whether something was asked for that is not there even with an empty cache: torch would stop there.
  private(set) var ranOut = false
  /// How often a free block of the large pool was sought.
  private(set) var searches: Int32 = 0
  let settings: AllocatorSettings
  let isExpandable: Bool
  let capacity: Int?
  let largeSegment: Int
  let maximumSplit: Int
  private let roundsByPower: Bool

  init(_ options: CachingAllocator.Options) {
    settings = options.settings
    isExpandable = settings.usesExpandableSegments
    capacity = options.capacity.map { Int(Double($0.count) * (options.settings.memoryFraction ?? 1)) }
    largeSegment = settings.largeSegment.count
    maximumSplit = settings.maximumSplit?.count ?? .max
    roundsByPower = settings.divisions.contains { $0 > 1 }
  }

  // MARK: Allocation

  /// Hands out a block of at least `bytes` and returns its number.
  mutating func allocate(_ bytes: Int, _ span: inout MutableSpan<Block>) -> Int {
    let size = rounded(bytes)
    let isSmall = size <= SegmentArena.smallRequest
    let block = take(size, isSmall, &span) ?? grow(size, isSmall, &span)
    split(block, at: size, &span)
    span[block].isFree = false
    allocated += span[block].size
    allocatedPeak = max(allocatedPeak, allocated)
    return block
  }

  /// `round_size`: blocks of 512 bytes, or so many steps to every doubling.
  func rounded(_ bytes: Int) -> Int {
    // A power of two, for which a mask does what a division would.
    let plain = max(
      SegmentArena.smallestBlock, (bytes + SegmentArena.smallestBlock - 1) & ~(SegmentArena.smallestBlock - 1))
    guard roundsByPower, bytes >= SegmentArena.smallestBlock else { return plain }
    let divisions = settings.divisions(for: bytes)
    guard divisions > 1, bytes > SegmentArena.smallestBlock * divisions, bytes & (bytes - 1) != 0 else { return plain }
    // `roundup_power2_next_division`.
    let floor = 1 << (Int.bitWidth - 1 - bytes.leadingZeroBitCount)
    let step = floor >> divisions.trailingZeroBitCount
    return (bytes + step - 1) / step * step
  }

  /// The best free block (`get_free_block`); `nil` if none will do.
  private mutating func take(_ size: Int, _ isSmall: Bool, _ span: inout MutableSpan<Block>) -> Int? {
    if !isSmall { searches &+= 1 }
    guard var block = isSmall ? small.best(size, span) : large.best(size, span) else { return nil }
    if isExpandable {
      // A block that can still grow counts as all that it can grow to.
      while let next = isSmall ? small.following(block, span) : large.following(block, span),
        room(of: next, span) < room(of: block, span)
      { block = next }
    }
    let found = span[block].size
    if size < maximumSplit, found >= maximumSplit { return nil }
    if size >= maximumSplit, found >= size + settings.rounding.count { return nil }
    remove(block, &span)
    return block
  }

  /// What a free block's size can become.
  private func room(of block: Int, _ span: borrowing MutableSpan<Block>) -> Int {
    let next = Int(span[block].next)
    guard next >= 0, !span[next].isMapped else { return span[block].size }
    return span[block].size + span[next].size
  }

  /// Takes memory from the driver, first giving back what is cached where there is no more (`malloc`).
  private mutating func grow(_ size: Int, _ isSmall: Bool, _ span: inout MutableSpan<Block>) -> Int {
    let needed = isExpandable ? size : segment(for: size, isSmall)
    collectGarbage(&span)
    if !fits(needed, isSmall, span) {
      let isEnough = releaseOversize(size, isSmall, &span) && fits(needed, isSmall, span)
      if !isEnough { emptyCache(&span) }
      if !fits(needed, isSmall, span) { ranOut = true }
    }
    return isExpandable ? expand(size, isSmall, &span) : takeSegment(needed, isSmall, &span)
  }

  private func fits(_ needed: Int, _ isSmall: Bool, _ span: borrowing MutableSpan<Block>) -> Bool {
    guard let capacity else { return true }
    return reserved + (isExpandable ? growth(for: needed, isSmall, span) : needed) <= capacity
  }

  /// `get_allocation_size`.
  private func segment(for size: Int, _ isSmall: Bool) -> Int {
    if isSmall { return SegmentArena.smallSegment }
    guard size >= SegmentArena.largeRequest else { return largeSegment }
    return (size + SegmentArena.roundedSegment - 1) / SegmentArena.roundedSegment * SegmentArena.roundedSegment
  }

  private mutating func takeSegment(_ segment: Int, _ isSmall: Bool, _ span: inout MutableSpan<Block>) -> Int {
    reserve(segment)
    let block = make(Block(address: nextAddress, size: segment, isSmall: isSmall), &span)
    nextAddress += segment
    return block
  }

  /// `should_split` and `alloc_found_block`.
  private mutating func split(_ block: Int, at size: Int, _ span: inout MutableSpan<Block>) {
    let whole = span[block]
    let rest = whole.size - size
    if whole.isSmall || isExpandable {
      guard rest >= SegmentArena.smallestBlock else { return }
    } else {
      guard size < maximumSplit, rest > SegmentArena.smallRequest else { return }
    }
    let remainder = make(
      Block(
        address: whole.address + size, size: rest, previous: Int32(block), next: whole.next, isSmall: whole.isSmall,
        isFree: true), &span)
    span[block].size = size
    span[block].next = Int32(remainder)
    if whole.next >= 0 { span[Int(whole.next)].previous = Int32(remainder) }
    insert(remainder, &span)
  }

  // MARK: Freeing

  mutating func free(_ block: Int, _ span: inout MutableSpan<Block>) {
    allocated -= span[block].size
    insert(mergedWithNeighbors(block, &span), &span)
  }

  /// Joins a block that is in no list with its free neighbors, and returns the number of the whole (`free_block`).
  mutating func mergedWithNeighbors(_ block: Int, _ span: inout MutableSpan<Block>) -> Int {
    var kept = block
    let previous = Int(span[kept].previous)
    if previous >= 0, span[previous].isFree, span[previous].isMapped {
      remove(previous, &span)
      merge(previous, kept, &span)
      kept = previous
    }
    let next = Int(span[kept].next)
    if next >= 0, span[next].isFree, span[next].isMapped {
      remove(next, &span)
      merge(kept, next, &span)
    }
    span[kept].isFree = true
    return kept
  }

  /// Makes one block of two neighbors, under the first one's number.
  mutating func merge(_ first: Int, _ second: Int, _ span: inout MutableSpan<Block>) {
    let following = span[second].next
    span[first].size += span[second].size
    span[first].next = following
    if following >= 0 { span[Int(following)].previous = Int32(first) }
    discard(second, &span)
  }

  // MARK: Bookkeeping

  mutating func reserve(_ bytes: Int) {
    reserved += bytes
    reservedPeak = max(reservedPeak, reserved)
  }

  mutating func giveBack(_ bytes: Int) { reserved -= bytes }

  /// What is free where, at one moment of a process.
  struct Standing: Equatable {
    /// Address and size of every block that is free, in order of size.
    let small: [Int]
    let large: [Int]
    /// The same of what has no pages.
    let unmapped: [Int]
    let allocated: Int
    let reserved: Int
    let nextAddress: Int

    /// Sizes of free blocks in order of their addresses, without those of the large pool that are too small to serve.
    ///
    /// What is not free at that moment stays. So two processes that have this in common serve the same requests alike:
    /// free blocks only ever join those that they were cut from, and segments that are taken come after all others.
    func shapes(serving smallest: Int) -> [[Int]] {
      func sizes(_ pool: [Int], from least: Int) -> [Int] {
        var places: [(address: Int, size: Int)] = []
        for index in stride(from: 0, to: pool.count, by: 2) where pool[index + 1] >= least {
          places.append((pool[index], pool[index + 1]))
        }
        return places.sorted { $0.address < $1.address }.map(\.size)
      }
      return [sizes(small, from: 0), sizes(large, from: smallest)]
    }
  }

  func standing(_ span: borrowing MutableSpan<Block>) -> Standing {
    func places(_ list: [Int], _ span: borrowing MutableSpan<Block>) -> [Int] {
      var places: [Int] = []
      places.reserveCapacity(2 * list.count)
      for block in list {
        places.append(span[block].address)
        places.append(span[block].size)
      }
      return places
    }
    return Standing(
      small: places(small.all(span), span), large: places(large.all(span), span),
      unmapped: places(smallUnmapped, span) + places(largeUnmapped, span), allocated: allocated, reserved: reserved,
      nextAddress: nextAddress)
  }

  /// Starts new peaks at what there is now (`torch.cuda.reset_peak_memory_stats`).
  mutating func resetPeaks() {
    allocatedPeak = allocated
    reservedPeak = reserved
  }

  mutating func make(_ block: Block, _ span: inout MutableSpan<Block>) -> Int {
    let slot = Int(firstUnused)
    firstUnused = span[slot].nextFree
    unusedCount -= 1
    span[slot] = block
    return slot
  }

  /// The slots that there are before any block is.
  static func slots() -> [Block] { FreeList.slots(lists: 2) }

  /// Makes sure of the slots that one operation can need: for a new segment and what is split off it, and where pages
  /// are given back, for both ends of every free block.
  mutating func makeRoom(in slots: inout [Block]) {
    guard !hasRoom else { return }
    let count = slotsNeeded
    let added = slots.count..<slots.count + max(64, slots.count, count)
    slots.append(contentsOf: repeatElement(Block(), count: added.count))
    var span = slots.mutableSpan
    for slot in added { discard(slot, &span) }
  }

  private var slotsNeeded: Int { isExpandable ? 4 + 2 * freeCount : 4 }

  /// Whether the next operation finds the slots that it can need.
  var hasRoom: Bool { unusedCount >= slotsNeeded }

  mutating func discard(_ slot: Int, _ span: inout MutableSpan<Block>) {
    span[slot].nextFree = firstUnused
    firstUnused = Int32(slot)
    unusedCount += 1
  }

  mutating func insert(_ block: Int, _ span: inout MutableSpan<Block>) {
    span[block].freedAt = searches
    freeCount += 1
    if span[block].isSmall { small.insert(block, &span) } else { large.insert(block, &span) }
  }

  mutating func remove(_ block: Int, _ span: inout MutableSpan<Block>) {
    freeCount -= 1
    if span[block].isSmall { small.remove(block, &span) } else { large.remove(block, &span) }
  }
}
