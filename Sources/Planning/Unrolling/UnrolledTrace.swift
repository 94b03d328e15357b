import Bookkeeping
import Modeling

/// What a deep model asks of an allocator, as it is copied together.
struct UnrolledTrace: UnrollingSink {
  private let sizes: [Int]
  private let isOutside: [Bool]
  private(set) var trace = AllocationTrace()
  /// Bytes of what is outside the allocator.
  private(set) var outside = Bytes.zero

  init(_ shallow: [Entry], _ isOutside: [Bool], depth: Int) {
    sizes = shallow.map(\.bytes.count)
    self.isOutside = isOutside
    let times = depth / LayerPattern.depth + 1
    trace.reserveCapacity(operations: 2 * times * shallow.count, requests: times * shallow.count)
  }

  mutating func advance(to instant: StepClock.Instant) {
    if instant != .load { trace.endLoad() }
  }

  mutating func open(_ template: Int, layer: Int?) {
    trace.request(sizes[template], isExcluded: isOutside[template])
    if isOutside[template] { outside += Bytes(sizes[template]) }
  }

  mutating func close(_ opening: Int) { trace.giveBack(opening) }
}
