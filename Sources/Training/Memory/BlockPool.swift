import Kernels

/// Memory under the arena: large blocks are mapped page by page, small ones come from the C heap.
///
/// Pages of closed blocks are kept for what is opened next, because giving pages back and touching fresh ones costs more
/// than computing with them. The pool keeps no more than the step has already needed at once: live and kept bytes
/// together never exceed the highest water of live bytes, so what the process occupies is what the books say. A block
/// larger than any stretch of kept pages is put together from several, which are moved to neighboring addresses; from
/// the second step on, no page is touched afresh.
package struct BlockPool: ~Copyable {
  /// A stretch of memory handed out.
  package struct Block: @unchecked Sendable {
    package let base: UnsafeMutableRawPointer
    /// Bytes asked for.
    package let count: Int
    /// Bytes mapped, a multiple of the page size; 0 for a small block on the heap.
    package let mapped: Int
  }

  /// Requests from here up are mapped.
  package static let mappingThreshold = 16 << 10
  package private(set) var live = 0
  package private(set) var highWater = 0
  /// Bytes in small blocks.
  private var small = 0
  /// The most that mapped and small blocks came to at once.
  private(set) var occupiedHighWater = 0
  /// Pages that are there and that no block has.
  private var holes = PageHoles()
  /// Where mappings may begin: pages are moved by the system only within one.
  private var seams = Seams()

  package init() {}

  deinit {
    for hole in holes.holes { Self.unmap(hole) }
  }

  /// Stretches of addresses that the system may see as mappings of their own.
  package var seamCount: Int { seams.count }

  /// Bytes kept for later.
  package var kept: Int { holes.size }

  /// Hands out `count` bytes, aligned to 64; `nil` if the system has none left.
  package mutating func take(_ count: Int) -> Block? {
    guard count >= BlockPool.mappingThreshold else {
      let base = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 64)
      small += count
      occupiedHighWater = max(occupiedHighWater, live + small)
      return Block(base: base, count: count, mapped: 0)
    }
    let size = Pages.rounded(count)
    guard let base = holes.take(size).flatMap(\.start) ?? newBlock(size) else { return nil }
    live += size
    highWater = max(highWater, live)
    occupiedHighWater = max(occupiedHighWater, live + small)
    return Block(base: base, count: count, mapped: size)
  }

  /// Takes a block back.
  package mutating func give(_ block: Block) {
    guard block.mapped > 0 else {
      small -= block.count
      return block.base.deallocate()
    }
    live -= block.mapped
    holes.insert(PageHoles.Hole(base: UInt(bitPattern: block.base), size: block.mapped))
  }

  /// A block that no stretch of kept pages is large enough for: of fresh pages as far as the high water allows, and of
  /// kept ones beyond.
  private mutating func newBlock(_ size: Int) -> UnsafeMutableRawPointer? {
    let excess = live + kept + size - max(highWater, live + size)
    guard excess > 0 else { return freshBlock(size) }
    if seams.count < Seams.most, let target = Pages.reserve(size) {
      return gathered(excess, size, at: target)
    }
    discard(excess)
    return freshBlock(size)
  }

  private mutating func freshBlock(_ size: Int) -> UnsafeMutableRawPointer? {
    guard let base = Pages.map(size) else { return nil }
    seams.insert(UInt(bitPattern: base))
    seams.insert(UInt(bitPattern: base) + UInt(size))
    return base
  }

  /// Fills `size` bytes of reserved addresses with `excess` bytes of kept pages, and with fresh ones.
  private mutating func gathered(
    _ excess: Int, _ size: Int, at target: UnsafeMutableRawPointer
  ) -> UnsafeMutableRawPointer? {
    var filled = 0
    while filled < excess, let hole = holes.takeLargest(excess - filled) {
      for piece in seams.pieces(of: hole) {
        guard let start = piece.start else { continue }
        if !Pages.move(start, piece.size, to: target + filled) {
          Pages.unmap(start, piece.size)
          guard fill(target, filled, piece.size, of: size) else { return nil }
        }
        seams.insert(UInt(bitPattern: target + filled))
        filled += piece.size
      }
      seams.remove(of: hole)
    }
    seams.insert(UInt(bitPattern: target + filled))
    seams.insert(UInt(bitPattern: target + size))
    guard filled == size || fill(target, filled, size - filled, of: size) else { return nil }
    return target
  }

  /// Maps fresh pages into a reserved block, or gives all of the block up.
  private func fill(_ target: UnsafeMutableRawPointer, _ offset: Int, _ count: Int, of size: Int) -> Bool {
    if Pages.map(count, at: target + offset) { return true }
    Pages.unmap(target, size)
    return false
  }

  /// Gives `count` bytes of kept pages back to the system.
  private mutating func discard(_ count: Int) {
    var left = count
    while left > 0, let hole = holes.takeLargest(left) {
      left -= hole.size
      seams.remove(of: hole)
      Self.unmap(hole)
    }
  }

  private static func unmap(_ hole: PageHoles.Hole) {
    if let start = hole.start { Pages.unmap(start, hole.size) }
  }
}

extension PageHoles.Hole {
  fileprivate var start: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: base) }
}

/// The addresses at which one mapping ends and the next begins.
private struct Seams {
  /// Far below the number of mappings that a system allows a process (65,530 on Linux).
  static let most = 16 << 10

  /// Sorted.
  private var addresses: [UInt] = []

  var count: Int { addresses.count }

  private func place(of address: UInt) -> Int {
    var (low, high) = (0, addresses.count)
    while low < high {
      let middle = (low + high) / 2
      if addresses[middle] < address { low = middle + 1 } else { high = middle }
    }
    return low
  }

  mutating func insert(_ address: UInt) {
    let at = place(of: address)
    if at == addresses.count || addresses[at] != address { addresses.insert(address, at: at) }
  }

  /// Forgets the seams of pages that are gone, those at their ends too, where only one side is left.
  mutating func remove(of hole: PageHoles.Hole) {
    addresses.removeSubrange(place(of: hole.base)..<place(of: hole.end + 1))
  }

  /// A hole cut at its seams.
  func pieces(of hole: PageHoles.Hole) -> [PageHoles.Hole] {
    var pieces: [PageHoles.Hole] = []
    var start = hole.base
    for end in addresses[place(of: hole.base + 1)..<place(of: hole.end)] + [hole.end] {
      pieces.append(PageHoles.Hole(base: start, size: Int(end - start)))
      start = end
    }
    return pieces
  }
}
