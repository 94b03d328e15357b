import Kernels

/// Memory under the arena: large blocks are mapped page by page, small ones come from the C heap.
///
/// A closed large block is kept for the next request of its size, because giving pages back and touching fresh ones
/// costs more than computing with them. The pool keeps no more than the step has already needed at once: live and kept
/// bytes together never exceed the highest water of live bytes, so what the process occupies is what the books say.
struct BlockPool: ~Copyable {
  /// A stretch of memory handed out.
  struct Block: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    /// Bytes asked for.
    let count: Int
    /// Bytes mapped, a multiple of the page size; 0 for a small block on the heap.
    let mapped: Int
  }

  /// Requests from here up are mapped.
  static let mappingThreshold = 16 << 10
  private(set) var live = 0
  private(set) var kept = 0
  private(set) var highWater = 0
  /// Bytes in small blocks.
  private var small = 0
  /// The most that mapped and small blocks came to at once.
  private(set) var occupiedHighWater = 0
  /// Kept blocks by mapped size; the most recently closed last, since its pages are warmest.
  private var shelves: [Int: [UnsafeMutableRawPointer]] = [:]

  init() {}

  deinit {
    for (size, bases) in shelves {
      for base in bases { Pages.unmap(base, size) }
    }
  }

  /// Hands out `count` bytes, aligned to 64; `nil` if the system has none left.
  mutating func take(_ count: Int) -> Block? {
    guard count >= BlockPool.mappingThreshold else {
      let base = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 64)
      small += count
      occupiedHighWater = max(occupiedHighWater, live + small)
      return Block(base: base, count: count, mapped: 0)
    }
    let size = Pages.rounded(count)
    guard let base = shelf(size) ?? reshape(to: size) ?? Pages.map(size) else { return nil }
    live += size
    highWater = max(highWater, live)
    occupiedHighWater = max(occupiedHighWater, live + small)
    return Block(base: base, count: count, mapped: size)
  }

  /// Takes a block back.
  mutating func give(_ block: Block) {
    guard block.mapped > 0 else {
      small -= block.count
      return block.base.deallocate()
    }
    live -= block.mapped
    kept += block.mapped
    shelves[block.mapped, default: []].append(block.base)
  }

  private mutating func shelf(_ size: Int) -> UnsafeMutableRawPointer? {
    guard let base = shelves[size]?.popLast() else { return nil }
    if shelves[size]?.isEmpty == true { shelves[size] = nil }
    kept -= size
    return base
  }

  /// Turns a kept block of another size into one of `size`, keeping its pages, when a fresh mapping would exceed the
  /// high water; and unmaps as many others as the bound asks for.
  private mutating func reshape(to size: Int) -> UnsafeMutableRawPointer? {
    let bound = max(highWater, live + size)
    guard live + kept + size > bound else { return nil }
    var result: UnsafeMutableRawPointer?
    let smaller = shelves.keys.filter { $0 < size }.max()
    if let source = smaller ?? shelves.keys.min(), let base = shelf(source) { result = resize(base, source, size) }
    while live + kept + size > bound, let largest = shelves.keys.max(), let base = shelf(largest) {
      Pages.unmap(base, largest)
    }
    return result
  }

  private func resize(_ base: UnsafeMutableRawPointer, _ old: Int, _ new: Int) -> UnsafeMutableRawPointer? {
    if let moved = Pages.resize(base, old, new) { return moved }
    Pages.unmap(base, old)
    return nil
  }
}
