public import Bookkeeping
public import Modeling

/// PyTorch's caching allocator, as a state machine that replays a journal.
///
/// Requests are rounded to 512 bytes and served from the best-fitting free block; blocks are split, and merged with
/// their free neighbors when freed; segments taken from the driver stay cached. Source: torch
/// c10/cuda/CUDACachingAllocator.cpp, `round_size`, `get_free_block`, `get_allocation_size`, `should_split`,
/// `free_block`, `try_allocate_expandable_block`, `release_cached_blocks`, `garbage_collect_cached_blocks`. Training
/// runs on one stream, so that no block waits for another stream's event.
public enum CachingAllocator {
  public struct Options: Hashable, Sendable {
    /// `PYTORCH_CUDA_ALLOC_CONF`.
    public var settings: AllocatorSettings
    /// How often the step runs: the second one finds the segments that the first has left cached.
    public var steps: Int
    /// What the driver can give; beyond it, cached segments that are wholly free are given back first.
    public var capacity: Bytes?
    /// Openings that are not in this allocator: pages of paged optimizers.
    public var excluded: Set<Journal.ID>

    public init(
      settings: AllocatorSettings = .standard, steps: Int = 2, capacity: Bytes? = nil, excluded: Set<Journal.ID> = []
    ) {
      self.settings = settings
      self.steps = steps
      self.capacity = capacity
      self.excluded = excluded
    }

    /// - Parameter usesExpandableSegments: `PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True`.
    public init(
      usesExpandableSegments: Bool, steps: Int = 2, capacity: Bytes? = nil, excluded: Set<Journal.ID> = []
    ) {
      self.init(
        settings: AllocatorSettings { $0.usesExpandableSegments = usesExpandableSegments }, steps: steps,
        capacity: capacity, excluded: excluded)
    }
  }

  public struct Peaks: Hashable, Sendable {
    /// `torch.cuda.max_memory_allocated()`.
    public let allocated: Bytes
    /// `torch.cuda.max_memory_reserved()`.
    public let reserved: Bytes

    public init(allocated: Bytes, reserved: Bytes) {
      self.allocated = allocated
      self.reserved = reserved
    }

    /// The higher of each.
    func joined(with other: Peaks) -> Peaks {
      Peaks(allocated: max(allocated, other.allocated), reserved: max(reserved, other.reserved))
    }
  }

  /// Replays a step: what is opened in its first moment is made once, the rest as often as the step runs.
  public static func replay(_ journal: Journal, options: Options = Options()) -> Peaks {
    let trace = AllocationTrace(journal, excluded: options.excluded)
    var run = AllocatorRun(options)
    var blocks = [Int32](repeating: -1, count: trace.sizes.count)
    run.perform(0..<trace.step.lowerBound, of: trace, &blocks)
    for _ in 0..<max(1, options.steps) { run.perform(trace.step, of: trace, &blocks) }
    return run.peaks
  }
}

/// An allocator at work.
struct AllocatorRun {
  private var arena: SegmentArena
  private var slots = SegmentArena.slots()
  /// Reserved bytes beyond which nothing more is performed: whoever asks has seen enough.
  var limit = Int.max

  /// - Parameter requests: of a step, so that there is room for as many blocks.
  init(_ options: CachingAllocator.Options, requests: Int = 0) {
    arena = SegmentArena(options)
    slots.reserveCapacity(slots.count + requests)
  }

  var peaks: CachingAllocator.Peaks {
    CachingAllocator.Peaks(allocated: Bytes(arena.allocatedPeak), reserved: Bytes(arena.reservedPeak))
  }
  var allocated: Int { arena.allocated }
  var reserved: Int { arena.reserved }
  /// Whether torch would have stopped for want of memory.
  var ranOut: Bool { arena.ranOut }

  mutating func allocate(_ bytes: Int) -> Int32 { AllocatorRun.allocate(bytes, &arena, &slots) }

  mutating func free(_ block: Int32) { AllocatorRun.free(block, &arena, &slots) }

  /// `torch.cuda.empty_cache()`.
  mutating func emptyCache() { AllocatorRun.emptyCache(&arena, &slots) }

  /// What decides about everything to come.
  mutating func standing() -> SegmentArena.Standing { AllocatorRun.standing(arena, &slots) }

  func areSmall(_ blocks: [Int32]) -> Bool { blocks.allSatisfy { $0 < 0 || slots[Int($0)].isSmall } }

  func addresses(of blocks: [Int32]) -> [Int] { blocks.map { $0 < 0 ? -1 : slots[Int($0)].address } }

  /// What the peaks were, and new ones from here on.
  mutating func takePeaks() -> CachingAllocator.Peaks {
    defer { arena.resetPeaks() }
    return peaks
  }

  /// Performs operations of a trace; `blocks` has the block of every request that is open, negative for none.
  mutating func perform(_ range: Range<Int>, of trace: AllocationTrace, _ blocks: inout [Int32]) {
    AllocatorRun.perform(range, of: trace, &blocks, limit, &arena, &slots)
  }

  // The arena and the slots lent to it are two things for the compiler only where they are two parameters.

  private static func allocate(
    _ bytes: Int, _ arena: inout SegmentArena, _ slots: inout [SegmentArena.Block]
  ) -> Int32 {
    arena.makeRoom(in: &slots)
    var span = slots.mutableSpan
    return Int32(arena.allocate(bytes, &span))
  }

  private static func free(_ block: Int32, _ arena: inout SegmentArena, _ slots: inout [SegmentArena.Block]) {
    guard block >= 0 else { return }
    var span = slots.mutableSpan
    arena.free(Int(block), &span)
  }

  private static func emptyCache(_ arena: inout SegmentArena, _ slots: inout [SegmentArena.Block]) {
    arena.makeRoom(in: &slots)
    var span = slots.mutableSpan
    arena.emptyCache(&span)
  }

  private static func standing(
    _ arena: borrowing SegmentArena, _ slots: inout [SegmentArena.Block]
  ) -> SegmentArena.Standing {
    let span = slots.mutableSpan
    return arena.standing(span)
  }

  private static func perform(
    _ range: Range<Int>, of trace: AllocationTrace, _ blocks: inout [Int32], _ limit: Int, _ arena: inout SegmentArena,
    _ slots: inout [SegmentArena.Block]
  ) {
    let operations = trace.operations.span
    let sizes = trace.sizes.span
    var places = blocks.mutableSpan
    var index = range.lowerBound
    while index < range.upperBound && arena.reservedPeak <= limit {
      arena.makeRoom(in: &slots)
      // Lent for as many operations as there is room for.
      var span = slots.mutableSpan
      repeat {
        let operation = operations[index]
        if operation >= 0 {
          places[Int(operation)] = Int32(arena.allocate(sizes[Int(operation)], &span))
        } else {
          // What was loaded and given back in the first step is not there in the second.
          let block = places[Int(~operation)]
          if block >= 0 { arena.free(Int(block), &span) }
          places[Int(~operation)] = -1
        }
        index += 1
      } while index < range.upperBound && arena.hasRoom && arena.reservedPeak <= limit
    }
  }
}

/// An allocator to be driven by hand, request by request.
package struct AllocatorProbe {
  private var run: AllocatorRun

  package init(_ settings: AllocatorSettings, capacity: Bytes? = nil) {
    run = AllocatorRun(CachingAllocator.Options(settings: settings, capacity: capacity))
  }

  package var allocated: Int { run.allocated }
  package var reserved: Int { run.reserved }
  package var peaks: CachingAllocator.Peaks { run.peaks }
  /// Whether torch would have stopped for want of memory.
  package var ranOut: Bool { run.ranOut }

  /// Hands out a block and returns its number.
  package mutating func allocate(_ bytes: Int) -> Int { Int(run.allocate(bytes)) }
  package mutating func free(_ block: Int) { run.free(Int32(block)) }
  package mutating func emptyCache() { run.emptyCache() }
}
