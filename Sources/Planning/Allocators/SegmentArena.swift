import Bookkeeping

/// Segments, the blocks they are cut into, and the free ones in order of size.
///
/// The blocks stand in slots that whoever replays a step keeps and lends for every operation.
struct SegmentArena {
  private static let smallestBlock = 512
  /// Requests up to here come from small segments.
  private static let smallRequest = 1 << 20
  private static let smallSegment = 2 << 20
  private static let largeSegment = 20 << 20
  /// Requests from here on get a segment of their own size, rounded to ``roundedSegment``.
  private static let largeRequest = 10 << 20
  private static let roundedSegment = 2 << 20

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
  }

  /// The first slot that holds no block; they are chained by ``SegmentArena/Block/nextFree``.
  private var firstUnused: Int32 = -1
  private var unusedCount = 0
  private var small = FreeList()
  private var large = FreeList()
  private var nextAddress = 0
  private var allocated = 0
  private var reserved = 0
  private(set) var allocatedPeak = 0
  private(set) var reservedPeak = 0
  private let isExpandable: Bool
  private let capacity: Int?
  /// With expandable segments: the last block of each pool's one segment.
  private var smallTail = -1
  private var largeTail = -1

  init(_ options: CachingAllocator.Options) {
    isExpandable = options.usesExpandableSegments
    capacity = options.capacity?.count
  }

  // MARK: Allocation

  /// Hands out a block of at least `bytes` and returns its number.
  mutating func allocate(_ bytes: Int, _ span: inout MutableSpan<Block>) -> Int {
    let size = max(
      SegmentArena.smallestBlock,
      (bytes + SegmentArena.smallestBlock - 1) / SegmentArena.smallestBlock * SegmentArena.smallestBlock)
    let isSmall = size <= SegmentArena.smallRequest
    // A block that can still grow counts as the largest of all: the last resort before growing.
    let tail = isExpandable ? (isSmall ? smallTail : largeTail) : -1
    let block: Int
    if let free = isSmall ? small.best(size, avoiding: tail, span) : large.best(size, avoiding: tail, span) {
      remove(free, &span)
      block = free
    } else if isExpandable {
      block = expand(size, isSmall, &span)
    } else {
      let segment = SegmentArena.segment(for: size, isSmall)
      if let capacity, reserved + segment > capacity { releaseFreeSegments(&span) }
      block = takeSegment(segment, isSmall, &span)
    }
    split(block, at: size, &span)
    span[block].isFree = false
    allocated += span[block].size
    allocatedPeak = max(allocatedPeak, allocated)
    return block
  }

  private static func segment(for size: Int, _ isSmall: Bool) -> Int {
    if isSmall { return smallSegment }
    return size < largeRequest ? largeSegment : (size + roundedSegment - 1) / roundedSegment * roundedSegment
  }

  private mutating func takeSegment(_ segment: Int, _ isSmall: Bool, _ span: inout MutableSpan<Block>)
    -> Int
  {
    reserve(segment)
    let block = make(Block(address: nextAddress, size: segment, isSmall: isSmall), &span)
    nextAddress += segment
    return block
  }

  /// Maps more pages behind the last block of a pool's segment.
  private mutating func expand(_ size: Int, _ isSmall: Bool, _ span: inout MutableSpan<Block>) -> Int {
    let page = isSmall ? SegmentArena.smallSegment : SegmentArena.largeSegment
    let tail = isSmall ? smallTail : largeTail
    if tail >= 0, span[tail].isFree {
      let growth = (size - span[tail].size + page - 1) / page * page
      reserve(growth)
      remove(tail, &span)
      span[tail].size += growth
      return tail
    }
    let growth = (size + page - 1) / page * page
    reserve(growth)
    let address = tail < 0 ? (isSmall ? 0 : 1 << 50) : span[tail].address + span[tail].size
    let block = make(Block(address: address, size: growth, previous: Int32(tail), isSmall: isSmall), &span)
    if tail >= 0 { span[tail].next = Int32(block) }
    setTail(block, isSmall)
    return block
  }

  private mutating func split(_ block: Int, at size: Int, _ span: inout MutableSpan<Block>) {
    let whole = span[block]
    let rest = whole.size - size
    let least = whole.isSmall || isExpandable ? SegmentArena.smallestBlock : SegmentArena.smallRequest + 1
    guard rest >= least else { return }
    let remainder = make(
      Block(
        address: whole.address + size, size: rest, previous: Int32(block), next: whole.next, isSmall: whole.isSmall,
        isFree: true), &span)
    span[block].size = size
    span[block].next = Int32(remainder)
    if whole.next >= 0 { span[Int(whole.next)].previous = Int32(remainder) }
    if isExpandable, whole.next < 0 { setTail(remainder, whole.isSmall) }
    insert(remainder, &span)
  }

  // MARK: Freeing

  mutating func free(_ block: Int, _ span: inout MutableSpan<Block>) {
    allocated -= span[block].size
    var kept = block
    let previous = Int(span[kept].previous)
    if previous >= 0, span[previous].isFree {
      remove(previous, &span)
      merge(previous, kept, &span)
      kept = previous
    }
    let next = Int(span[kept].next)
    if next >= 0, span[next].isFree {
      remove(next, &span)
      merge(kept, next, &span)
    }
    span[kept].isFree = true
    insert(kept, &span)
  }

  /// Makes one block of two neighbors, under the first one's number.
  private mutating func merge(_ first: Int, _ second: Int, _ span: inout MutableSpan<Block>) {
    let following = span[second].next
    span[first].size += span[second].size
    span[first].next = following
    if following >= 0 { span[Int(following)].previous = Int32(first) }
    if isExpandable, following < 0 { setTail(first, span[first].isSmall) }
    discard(second, &span)
  }

  /// Gives back every segment that is one free block (`release_cached_blocks`).
  private mutating func releaseFreeSegments(_ span: inout MutableSpan<Block>) {
    for list in [small.all(span), large.all(span)] {
      for block in list where span[block].previous < 0 && span[block].next < 0 {
        remove(block, &span)
        reserved -= span[block].size
        discard(block, &span)
      }
    }
  }

  // MARK: Bookkeeping

  private mutating func reserve(_ bytes: Int) {
    reserved += bytes
    reservedPeak = max(reservedPeak, reserved)
  }

  private mutating func make(_ block: Block, _ span: inout MutableSpan<Block>) -> Int {
    let slot = Int(firstUnused)
    firstUnused = span[slot].nextFree
    unusedCount -= 1
    span[slot] = block
    return slot
  }

  /// Makes sure of slots for a new segment and for what is split off it.
  mutating func makeRoom(in slots: inout [Block]) {
    guard unusedCount < 2 else { return }
    let added = slots.count..<slots.count + max(64, slots.count)
    slots.append(contentsOf: repeatElement(Block(), count: added.count))
    var span = slots.mutableSpan
    for slot in added { discard(slot, &span) }
  }

  private mutating func discard(_ slot: Int, _ span: inout MutableSpan<Block>) {
    span[slot].nextFree = firstUnused
    firstUnused = Int32(slot)
    unusedCount += 1
  }

  private mutating func setTail(_ block: Int, _ isSmall: Bool) {
    if isSmall { smallTail = block } else { largeTail = block }
  }

  private mutating func insert(_ block: Int, _ span: inout MutableSpan<Block>) {
    if span[block].isSmall { small.insert(block, &span) } else { large.insert(block, &span) }
  }

  private mutating func remove(_ block: Int, _ span: inout MutableSpan<Block>) {
    if span[block].isSmall { small.remove(block, &span) } else { large.remove(block, &span) }
  }
}
