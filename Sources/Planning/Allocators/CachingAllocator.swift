public import Bookkeeping

/// PyTorch's caching allocator, as a state machine that replays a journal.
///
/// Requests are rounded to 512 bytes and served from the best-fitting free block; blocks are split, and merged with
/// their free neighbors when freed; segments taken from the driver stay cached. Source: torch
/// c10/cuda/CUDACachingAllocator.cpp, `round_size`, `get_free_block`, `get_allocation_size`, `should_split`,
/// `free_block`, `try_allocate_expandable_block`.
public enum CachingAllocator {
  public struct Options: Hashable, Sendable {
    /// `PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True`.
    public var usesExpandableSegments: Bool
    /// How often the step runs: the second one finds the segments that the first has left cached.
    public var steps: Int
    /// What the driver can give; beyond it, cached segments that are wholly free are given back first.
    public var capacity: Bytes?
    /// Openings that are not in this allocator: pages of paged optimizers.
    public var excluded: Set<Journal.ID>

    public init(
      usesExpandableSegments: Bool = false, steps: Int = 2, capacity: Bytes? = nil, excluded: Set<Journal.ID> = []
    ) {
      self.usesExpandableSegments = usesExpandableSegments
      self.steps = steps
      self.capacity = capacity
      self.excluded = excluded
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
  }

  /// Replays a step: what is opened in its first moment is made once, the rest as often as the step runs.
  public static func replay(_ journal: Journal, options: Options = Options()) -> Peaks {
    replay(AllocationTrace(journal, excluded: options.excluded), options: options)
  }

  /// Replays a step's trace, from which what is excluded has been left out.
  static func replay(_ trace: AllocationTrace, options: Options = Options()) -> Peaks {
    var arena = SegmentArena(options)
    var slots: [SegmentArena.Block] = []
    var blocks = [Int32](repeating: -1, count: trace.sizes.count)
    func run(
      _ range: Range<Int>, _ arena: inout SegmentArena, _ slots: inout [SegmentArena.Block], _ blocks: inout [Int32]
    ) {
      for index in range {
        let operation = trace.operations[index]
        if operation >= 0 {
          arena.makeRoom(in: &slots)
          var span = slots.mutableSpan
          blocks[Int(operation)] = Int32(arena.allocate(trace.sizes[Int(operation)], &span))
        } else {
          // What was loaded and given back in the first step is not there in the second.
          let block = blocks[Int(~operation)]
          var span = slots.mutableSpan
          if block >= 0 { arena.free(Int(block), &span) }
          blocks[Int(~operation)] = -1
        }
      }
    }
    let loaded = trace.loadCount ?? trace.operations.count
    run(0..<loaded, &arena, &slots, &blocks)
    for _ in 0..<max(1, options.steps) { run(loaded..<trace.operations.count, &arena, &slots, &blocks) }
    return Peaks(allocated: Bytes(arena.allocatedPeak), reserved: Bytes(arena.reservedPeak))
  }
}
