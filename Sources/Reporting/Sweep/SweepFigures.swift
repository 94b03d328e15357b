public import Bookkeeping
public import Planning

/// What one point of a sweep came to by plan: the figures that a table has room for.
public struct PlannedFigures: Hashable, Sendable {
  public let parameters: Int
  public let trainable: Int
  public let allocated: Interval
  public let reserved: Interval
  public let device: Interval
  /// What each account holds at the peak; the values add up to the expected device bytes.
  public let accounts: [Account: Bytes]
  public let peakMoment: String
  public let forward: FLOPs
  public let backward: FLOPs
  public let recompute: FLOPs
  public let optimizer: FLOPs
  /// Tokens a second on the device that was planned for, where one was named.
  public let speed: Speed?

  public struct Speed: Hashable, Sendable {
    public let low: Double
    public let expected: Double
    public let high: Double

    public init(low: Double, expected: Double, high: Double) {
      (self.low, self.expected, self.high) = (low, expected, high)
    }
  }

  public init(
    parameters: Int, trainable: Int, allocated: Interval, reserved: Interval, device: Interval,
    accounts: [Account: Bytes], peakMoment: String, forward: FLOPs, backward: FLOPs, recompute: FLOPs,
    optimizer: FLOPs, speed: Speed?
  ) {
    (self.parameters, self.trainable) = (parameters, trainable)
    (self.allocated, self.reserved, self.device) = (allocated, reserved, device)
    (self.accounts, self.peakMoment) = (accounts, peakMoment)
    (self.forward, self.backward, self.recompute, self.optimizer) = (forward, backward, recompute, optimizer)
    self.speed = speed
  }

  public init(_ plan: Plan) { self.init(PlanFigures(plan)) }

  public init(_ plan: PlanFigures) {
    self.init(
      parameters: plan.parameters.total, trainable: plan.parameters.trainable,
      allocated: plan.allocated.bare, reserved: plan.reserved.bare, device: plan.device.bare,
      accounts: plan.accounts.filter { $0.value != .zero }, peakMoment: plan.peakMoment,
      forward: plan.work.total(.forward), backward: plan.work.total(.backward),
      recompute: plan.work.total(.recompute), optimizer: plan.work.total(.optimizer),
      speed: plan.throughput.map { Speed(low: $0.low, expected: $0.expected, high: $0.high) })
  }

  /// All operations of one step.
  public var work: FLOPs { forward + backward + recompute + optimizer }
}

/// What the engine measured at one point.
public struct MeasuredFigures: Hashable, Sendable {
  public var steps: Int?
  public var firstLoss: Double?
  public var lastLoss: Double?
  /// Loss on examples that are not trained on, before the first step and after the last.
  public var evaluationBefore: Double?
  public var evaluation: Double?
  public var plannedPeak: Bytes?
  public var peak: Bytes?
  public var residentGrowth: Bytes?
  public var tokensPerSecond: Double?
  /// Whether the books of plan and run agree entry by entry.
  public var isBalanced: Bool?

  public init() {}
}

/// How a point ended.
public enum SweepOutcome: Hashable, Sendable {
  case planned(PlannedFigures)
  case ran(PlannedFigures?, MeasuredFigures)
  /// Settings that cannot be together, or that nothing is known of.
  case refused(String)
  /// A run that was started and did not end as it should.
  case failed(String)

  public var planned: PlannedFigures? {
    switch self {
    case .planned(let figures): figures
    case .ran(let figures, _): figures
    case .refused, .failed: nil
    }
  }

  public var measured: MeasuredFigures? {
    if case .ran(_, let figures) = self { figures } else { nil }
  }

  public var reason: String? {
    switch self {
    case .planned, .ran: nil
    case .refused(let reason), .failed(let reason): reason
    }
  }

  /// One word for a table.
  public var status: String {
    switch self {
    case .planned: "planned"
    case .ran: "ran"
    case .refused: "refused"
    case .failed: "failed"
    }
  }
}

extension Interval {
  /// Without the sentences on why it is one.
  fileprivate var bare: Interval { Interval(low: low, expected: expected, high: high, causes: []) }
}
