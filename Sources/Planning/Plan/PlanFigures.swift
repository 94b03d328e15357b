public import Bookkeeping
public import Modeling
import Synchronization

/// The figures of a plan without its books: what a table of thousands of plans has room for.
public struct PlanFigures: Sendable {
  public let parameters: ParameterCounts
  public let allocated: Interval
  public let reserved: Interval
  public let device: Interval
  /// What each account holds at the peak; the values add up to the expected ``device`` bytes.
  public let accounts: [Account: Bytes]
  public let peakMoment: String
  public let work: WorkSheet
  public let throughput: Roofline?

  /// How much is asked of the memory's figures.
  public enum Detail: Hashable, Sendable {
    /// What is expected, alone.
    case expected
    /// What is expected, and how far it may go: what torch's allocator does is replayed in every way that is open, which
    /// takes twice as long as all the rest.
    case intervals
  }

  public init(_ plan: Plan, detail: Detail = .intervals) {
    parameters = plan.parameters
    (allocated, reserved, device) = (
      plan.allocated.detailed(detail), plan.reserved.detailed(detail), plan.device.detailed(detail)
    )
    (accounts, peakMoment) = (plan.accounts, plan.peakMoment)
    (work, throughput) = (plan.work, plan.throughput)
  }

  /// - Parameters:
  ///   - unrolled: the books of the step.
  ///   - load: those of everything before it, where they may stand higher.
  init(
    _ unrolled: UnrolledFigures, load: Ledger?, _ footprint: Footprint, _ spec: ModelSpec, _ recipe: Recipe,
    detail: Detail
  ) {
    parameters = ParameterCounts(
      of: spec, method: recipe.method, hasStackedExperts: recipe.choices.experts == .grouped)
    (allocated, reserved, device) = (
      footprint.allocated.detailed(detail), footprint.reserved.detailed(detail), footprint.device.detailed(detail)
    )
    let higher = load.flatMap { $0.peak.bytes.count > unrolled.peak ? $0 : nil }
    var accounts = higher?.peak.accounts ?? unrolled.accounts
    let peak = higher?.peak.bytes ?? Bytes(unrolled.peak)
    accounts[.runtime, default: .zero] += footprint.device.expected - peak
    self.accounts = accounts
    peakMoment =
      higher.map { $0.clock.label(of: $0.peak.moment) }
      ?? StepClocks.label(of: unrolled.peakInstant, spec, recipe.withAccumulation(atMost: 2))
    work = StepWork.sheet(spec, recipe)
    throughput = nil
  }
}

extension Planner {
  /// The figures of ``plan(_:_:threads:device:)``, in about half its time where no device is named: names are what a
  /// plan spends most on.
  ///
  /// - Throws: as ``plan(_:_:threads:device:)``.
  public static func figures(
    _ spec: ModelSpec, _ resolved: ResolvedRecipe, threads: Int = 1, device: Device? = nil,
    detail: PlanFigures.Detail = .intervals
  ) throws(PlanError) -> PlanFigures {
    let recipe = resolved.recipe
    // The speed on a device is read off the whole books.
    guard device == nil, recipe.stack.isTorch else {
      return PlanFigures(try plan(spec, resolved, threads: threads, device: device), detail: detail)
    }
    try SizeLimits.check(spec, recipe)
    let short = recipe.withAccumulation(atMost: 2)
    let options = TorchFootprint.options(short, on: nil)
    guard let repeated = try TorchWalk.repeated(spec, short, options: options) else {
      return PlanFigures(try plan(spec, resolved, threads: threads), detail: detail)
    }
    let rules = LoadRules(TorchPolicy(short, options))
    let unrolled = repeated.figures(rules: rules)
    let footprint = try TorchFootprint.whole(unrolled, spec, short, rules: rules, on: nil, detail: detail) {
      repeated.traceWithoutDequantized(rules: rules)
    }
    let loadsMore = LoadJournal.ceiling(of: unrolled.trace.residents) > unrolled.peak
    let load = loadsMore ? Ledger(posting: LoadJournal.journal(of: unrolled.residents, rules)) : nil
    return PlanFigures(unrolled, load: load, footprint, spec, recipe, detail: detail)
  }
}

extension Interval {
  fileprivate func detailed(_ detail: PlanFigures.Detail) -> Interval {
    detail == .intervals ? self : Interval(exactly: expected)
  }
}

/// Clocks by what they depend on: thousands of plans have a few of them among them.
private enum StepClocks {
  private struct Key: Hashable {
    let layers: Int
    let accumulation: Int
    let checkpoints: Bool
  }

  private static let known = Mutex<[Key: StepClock]>([:])

  static func label(of instant: StepClock.Instant, _ spec: ModelSpec, _ recipe: Recipe) -> String {
    let key = Key(
      layers: spec.layerCount, accumulation: recipe.batch.accumulation, checkpoints: recipe.usesGradientCheckpointing)
    let clock = known.withLock { known in
      if let clock = known[key] { return clock }
      if known.count >= 64 { known.removeAll() }
      let clock = StepClock(spec: spec, recipe: recipe)
      known[key] = clock
      return clock
    }
    return clock.clock.label(of: clock[instant])
  }
}
