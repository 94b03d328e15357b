import Bookkeeping

/// Segments, the blocks they are cut into, and the free ones in order of size.
struct SegmentArena {
  private static let smallestBlock = 512
  /// Requests up to here come from small segments.
  private static let smallRequest = 1 << 20
  private static let smallSegment = 2 << 20
  private static let largeSegment = 20 << 20
  /// Requests from here on get a segment of their own size, rounded to ``roundedSegment``.
  private static let largeRequest = 10 << 20
  private static let roundedSegment = 2 << 20

  private struct Block {
    var address: Int
    var size: Int
    /// Neighbors in the same segment; negative where there is none.
    var previous: Int
    var next: Int
    var isSmall: Bool
    var isFree: Bool
  }

  private var blocks: [Block] = []
  private var unusedSlots: [Int] = []
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
  mutating func allocate(_ bytes: Int) -> Int {
    let size = max(
      SegmentArena.smallestBlock,
      (bytes + SegmentArena.smallestBlock - 1) / SegmentArena.smallestBlock * SegmentArena.smallestBlock)
    let isSmall = size <= SegmentArena.smallRequest
    let block = takeFree(size, isSmall) ?? (isExpandable ? expand(size, isSmall) : takeSegment(size, isSmall))
    split(block, at: size)
    blocks[block].isFree = false
    allocated += blocks[block].size
    allocatedPeak = max(allocatedPeak, allocated)
    return block
  }

  /// The smallest free block that is large enough, off its list.
  private mutating func takeFree(_ size: Int, _ isSmall: Bool) -> Int? {
    // A block that can still grow counts as the largest of all: the last resort before growing.
    let tail = isExpandable ? (isSmall ? smallTail : largeTail) : -1
    let entry = isSmall ? small.takeBest(size, avoiding: tail) : large.takeBest(size, avoiding: tail)
    return entry
  }

  private mutating func takeSegment(_ size: Int, _ isSmall: Bool) -> Int {
    let segment =
      if isSmall {
        SegmentArena.smallSegment
      } else if size < SegmentArena.largeRequest {
        SegmentArena.largeSegment
      } else {
        (size + SegmentArena.roundedSegment - 1) / SegmentArena.roundedSegment * SegmentArena.roundedSegment
      }
    if let capacity, reserved + segment > capacity { releaseFreeSegments() }
    reserve(segment)
    let block = make(
      Block(address: nextAddress, size: segment, previous: -1, next: -1, isSmall: isSmall, isFree: false))
    nextAddress += segment
    return block
  }

  /// Maps more pages behind the last block of a pool's segment.
  private mutating func expand(_ size: Int, _ isSmall: Bool) -> Int {
    let page = isSmall ? SegmentArena.smallSegment : SegmentArena.largeSegment
    let tail = isSmall ? smallTail : largeTail
    if tail >= 0, blocks[tail].isFree {
      let growth = (size - blocks[tail].size + page - 1) / page * page
      reserve(growth)
      remove(tail)
      blocks[tail].size += growth
      return tail
    }
    let growth = (size + page - 1) / page * page
    reserve(growth)
    let address = tail < 0 ? (isSmall ? 0 : 1 << 50) : blocks[tail].address + blocks[tail].size
    let block = make(
      Block(address: address, size: growth, previous: tail, next: -1, isSmall: isSmall, isFree: false))
    if tail >= 0 { blocks[tail].next = block }
    setTail(block, isSmall)
    return block
  }

  private mutating func split(_ block: Int, at size: Int) {
    let rest = blocks[block].size - size
    let isSmall = blocks[block].isSmall
    let least = isSmall || isExpandable ? SegmentArena.smallestBlock : SegmentArena.smallRequest + 1
    guard rest >= least else { return }
    let following = blocks[block].next
    let remainder = make(
      Block(
        address: blocks[block].address + size, size: rest, previous: block, next: following, isSmall: isSmall,
        isFree: true))
    blocks[block].size = size
    blocks[block].next = remainder
    if following >= 0 { blocks[following].previous = remainder }
    if isExpandable, following < 0 { setTail(remainder, isSmall) }
    insert(remainder)
  }

  // MARK: Freeing

  mutating func free(_ block: Int) {
    allocated -= blocks[block].size
    var kept = block
    let previous = blocks[kept].previous
    if previous >= 0, blocks[previous].isFree {
      remove(previous)
      kept = merge(previous, kept)
    }
    let next = blocks[kept].next
    if next >= 0, blocks[next].isFree {
      remove(next)
      kept = merge(kept, next)
    }
    blocks[kept].isFree = true
    insert(kept)
  }

  /// Makes one block of two neighbors and returns the first one's number.
  private mutating func merge(_ first: Int, _ second: Int) -> Int {
    blocks[first].size += blocks[second].size
    blocks[first].next = blocks[second].next
    let following = blocks[second].next
    if following >= 0 { blocks[following].previous = first }
    if isExpandable, following < 0 { setTail(first, blocks[first].isSmall) }
    unusedSlots.append(second)
    return first
  }

  /// Gives back every segment that is one free block (`release_cached_blocks`).
  private mutating func releaseFreeSegments() {
    for isSmall in [true, false] {
      for block in (isSmall ? small : large).blocks {
        guard blocks[block].previous < 0, blocks[block].next < 0 else { continue }
        remove(block)
        reserved -= blocks[block].size
        unusedSlots.append(block)
      }
    }
  }

  // MARK: Bookkeeping

  private mutating func reserve(_ bytes: Int) {
    reserved += bytes
    reservedPeak = max(reservedPeak, reserved)
  }

  private mutating func make(_ block: Block) -> Int {
    guard let slot = unusedSlots.popLast() else {
      blocks.append(block)
      return blocks.count - 1
    }
    blocks[slot] = block
    return slot
  }

  private mutating func setTail(_ block: Int, _ isSmall: Bool) {
    if isSmall { smallTail = block } else { largeTail = block }
  }

  private mutating func insert(_ block: Int) {
    let (size, address) = (blocks[block].size, blocks[block].address)
    if blocks[block].isSmall {
      small.insert(block, size: size, address: address)
    } else {
      large.insert(block, size: size, address: address)
    }
  }

  private mutating func remove(_ block: Int) {
    let (size, address) = (blocks[block].size, blocks[block].address)
    if blocks[block].isSmall {
      small.remove(size: size, address: address)
    } else {
      large.remove(size: size, address: address)
    }
  }
}
