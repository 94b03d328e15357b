public import Bookkeeping
public import Modeling

/// What the planner says about one measured run, beside what was measured.
public struct Prediction: Sendable {
  public let row: Measurement
  public let spec: ModelSpec
  public let recipe: Recipe
  public let device: Device?
  /// What the row does not say and what was made of it, a sentence each.
  public let assumptions: [String]
  /// By each metric, so that a second measurement of the run can be compared too.
  public let allocated, reserved, onDevice: Interval
  /// Accounts at the planned peak, the driver's context not included.
  public let accounts: [Account: Bytes]
  public let peakMoment: String
  /// The most that is alive in each part of the run.
  public let phases: PhasePeaks
  /// Of one GPU; `nil` where no card is known.
  public let speedOfOne: Roofline?
  /// Whether the step runs on a card that is full without its cache.
  private let fitsWhenFull: Bool

  /// What is compared with a figure of `metric`.
  public func predicted(_ metric: MemoryMetric) -> Interval {
    switch metric {
    case .allocated: allocated
    case .reserved, .unspecified: reserved
    case .device: onDevice
    }
  }

  public var predicted: Interval { predicted(row.reading.metric) }

  /// Predicted over measured, less one: above zero where the plan is too large.
  public var error: Double? { row.reading.bytes.map { Prediction.error(predicted.expected, $0) } }

  /// The error against the run's second measurement.
  public var alternativeError: Double? {
    row.reading.alternative.map { Prediction.error(predicted($0.metric).expected, $0.bytes) }
  }

  /// Whether the measurement, as far as it was printed, lies between the least and the most that the plan allows.
  public var isInside: Bool? {
    row.reading.bytes.map { bytes in
      predicted.low <= bytes + row.reading.rounding && bytes <= predicted.high + row.reading.rounding
    }
  }

  /// Tokens a second of the whole job, sending included; `nil` where no card is known.
  public var tokensPerSecond: Double? { jobSpeed(\.expected) }

  /// The error of the predicted speed, where the row states one.
  public var speedError: Double? {
    guard let measured = row.reading.tokensPerSecond, let tokensPerSecond else { return nil }
    return tokensPerSecond / measured - 1
  }

  /// Whether the row's speed is in the planned range.
  public var isSpeedInside: Bool? {
    guard let measured = row.reading.tokensPerSecond, let low = jobSpeed(\.low), let high = jobSpeed(\.high) else {
      return nil
    }
    return low <= measured && measured <= high
  }

  private func jobSpeed(_ bound: KeyPath<Roofline, Double>) -> Double? {
    speedOfOne.map { $0[keyPath: bound] * Double(recipe.parallelism.replicas) }
  }

  /// Whether what the plan expects on the card fits it; `nil` where the card is unknown.
  ///
  /// Where the allocator would take more than there is, it gives cached segments back before a request fails.
  public var fits: Bool? { device.map { fitsWhenFull || onDevice.expected <= $0.usable } }

  /// Whether the plan tells how the run ended: that it fits if it finished, that it doesn't if memory ran out.
  public var tellsOutcome: Bool? { fits.map { $0 == (row.reading.outcome == .finished) } }

  /// Whether a run that ended out of memory is planned to be beyond its card; `nil` for other runs and unknown cards.
  public var foresawOutOfMemory: Bool? {
    row.reading.outcome == .outOfMemory ? tellsOutcome : nil
  }

  private static func error(_ predicted: Bytes, _ measured: Bytes) -> Double {
    Double(predicted.count) / Double(measured.count) - 1
  }
}

extension Prediction {
  /// Plans the step that a row is about.
  ///
  /// - Throws: ``Refusal`` for what has no rule.
  public init(of row: Measurement) throws(Refusal) {
    let translated = try MeasurementTranslation.translate(row)
    let plan: Plan
    do {
      plan = try Planner.plan(translated.spec, translated.recipe, device: translated.device)
    } catch { throw Refusal(.notModeled, "\(error)") }
    self.row = row
    spec = translated.spec
    recipe = plan.recipe
    device = translated.device
    assumptions = translated.assumptions + plan.assumptions
    allocated = Prediction.allocated(plan, includesLoading: translated.includesLoading)
    reserved = row.reading.outcome == .finished ? Prediction.reservedByFinished(plan) : plan.reserved
    onDevice = plan.device
    accounts = plan.peak.accounts
    peakMoment = plan.peakMoment
    phases = plan.phases
    speedOfOne = plan.throughput
    fitsWhenFull = plan.reservedWhenFull != nil
  }

  /// A run that finished on a card reserved no more than there is: where it was full, cached segments went back.
  private static func reservedByFinished(_ plan: Plan) -> Interval {
    guard let whenFull = plan.reservedWhenFull else { return plan.reserved }
    return Interval(
      low: min(plan.reserved.low, whenFull), expected: whenFull,
      high: max(whenFull, min(plan.reserved.high, plan.target?.memoryForTensors ?? plan.reserved.high)),
      causes: plan.reserved.causes)
  }

  /// What torch's counter says at its highest: of the whole process, or of its steps alone.
  private static func allocated(_ plan: Plan, includesLoading: Bool) -> Interval {
    let steps = max(plan.phases.first.peak, plan.phases.steady.peak)
    guard !includesLoading, plan.phases.load > steps else { return plan.allocated }
    return Interval(exactly: steps)
  }
}
