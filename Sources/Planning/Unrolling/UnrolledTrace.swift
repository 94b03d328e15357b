import Bookkeeping
import Modeling

/// What a deep model asks of an allocator, as it is copied together.
struct UnrolledTrace: UnrollingSink {
  private let sizes: [Int]
  private let isOutside: [Bool]
  private let roles: [ResidentRole]
  private(set) var trace = AllocationTrace()
  /// Bytes of what is outside the allocator.
  private(set) var outside = Bytes.zero

  init(_ shallow: [Entry], _ isOutside: [Bool], rules: LoadRules, depth: Int) {
    sizes = shallow.map(\.bytes.count)
    roles = shallow.map { $0.opened == Moment(0) ? rules.role(of: $0) : .plain }
    self.isOutside = isOutside
    let times = depth / LayerPattern.depth + 1
    trace.reserveCapacity(operations: 2 * times * shallow.count, requests: times * shallow.count)
  }

  mutating func advance(to instant: StepClock.Instant) {
    guard instant != .load else { return }
    trace.endLoad()
    switch instant {
    case .step(.backward, .loss, _): trace.startBackward()
    case .optimizer: trace.startOptimizer()
    case .step, .load, .zeroGrad: break
    }
  }

  mutating func open(_ template: Int, layer: Int?) {
    trace.request(sizes[template], isExcluded: isOutside[template], role: roles[template])
    if isOutside[template] { outside += Bytes(sizes[template]) }
  }

  mutating func close(_ opening: Int) { trace.giveBack(opening) }
}
