public import Bookkeeping
import Modeling

/// What a search needs to know of a step.
public struct Estimate: Hashable, Sendable {
  /// Device bytes if the allocator reserved no more than what is live at the peak: a floor that ``device`` is never under.
  public let floor: Bytes
  /// Bytes that stay from step to step whatever its tokens are: weights, adapters, optimizer states.
  package let lasting: Bytes
  /// Device bytes; `nil` where they were only to be compared with a limit, and are above it.
  public let device: Interval?

  package init(floor: Bytes, lasting: Bytes, device: Interval?) {
    self.floor = floor
    self.lasting = lasting
    self.device = device
  }

  /// Expected device bytes, where they are known.
  public var expected: Bytes? { device?.expected }
}

extension AllocationTrace {
  /// The most bytes that are live at once in blocks of 512 bytes, which every setting of the allocator rounds up to at
  /// least.
  ///
  /// The process allocates all of it: every resident is there from the first step's end on and is never given back, and
  /// steps run as the trace does. Where steps differ in length, the longest may be the first, which has no optimizer
  /// states yet: then states don't count.
  func livePeak(isVaried: Bool) -> Int {
    var live = 0
    var peak = 0
    var residents = residents.makeIterator()
    let loadCount = loadCount ?? operations.count
    for (index, operation) in operations.enumerated() {
      guard operation >= 0 else {
        live -= AllocationTrace.block(sizes[Int(~operation)])
        continue
      }
      let isState = index < loadCount && residents.next()?.role == .state
      if isState, isVaried { continue }
      live += AllocationTrace.block(sizes[Int(operation)])
      peak = max(peak, live)
    }
    return peak
  }

  /// Bytes of weights, adapters and optimizer states, in blocks.
  var lastingBytes: Int {
    residents.reduce(0) { sum, resident in
      switch resident.role {
      case .batch, .workspace: sum
      case .plain, .constant, .quantized, .upcast, .adapter, .state: sum + AllocationTrace.block(resident.bytes)
      }
    }
  }

  private static func block(_ bytes: Int) -> Int {
    max(SegmentArena.smallestBlock, (bytes + SegmentArena.smallestBlock - 1) & ~(SegmentArena.smallestBlock - 1))
  }
}
