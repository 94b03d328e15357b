public import Bookkeeping
public import Modeling

/// One model and recipe under several methods, each planned as `fit` plans it.
public struct Comparison: Sendable {
  /// A method with its plan, or why there is none.
  public struct Row: Sendable {
    public let method: ComparedMethod
    public let outcome: Outcome

    package init(method: ComparedMethod, outcome: Outcome) {
      self.method = method
      self.outcome = outcome
    }

    public var planned: Planned? { if case .planned(let planned) = outcome { planned } else { nil } }
  }

  public enum Outcome: Sendable {
    case planned(Planned)
    case refused(any Error)
  }

  public struct Planned: Sendable {
    /// Without a budget the plan is of the smallest card, and its budget what that has.
    public let verdict: Verdict
    /// `nil` where no card of the catalogue carries it.
    public let smallest: SmallestCard?
    /// Tokens a second on the device that was named, or else on the smallest card.
    public let speed: Roofline?
    /// Whose speed it is.
    public let speedDevice: Device?
    /// What the whole run comes to there; `nil` where nobody said how long it is.
    public let run: WholeRun.Time?

    package init(
      verdict: Verdict, smallest: SmallestCard?, speed: Roofline?, speedDevice: Device?, run: WholeRun.Time? = nil
    ) {
      self.verdict = verdict
      self.smallest = smallest
      self.speed = speed
      self.speedDevice = speedDevice
      self.run = run
    }

    public var plan: Plan { verdict.plan }
  }

  public let spec: ModelSpec
  public let rows: [Row]
  /// The device that was named.
  public let device: Device?
  /// The budget that was named; `nil` where each method is planned on the smallest card that carries it.
  public let budget: Bytes?
  /// The run whose hours rows have; `nil` where nobody said how long it is.
  public let run: WholeRun?
  /// What was assumed for every row that there is.
  public let assumptions: [String]

  /// A comparison of rows that are there already.
  package init(
    spec: ModelSpec, rows: [Row], device: Device?, budget: Bytes?, run: WholeRun? = nil, assumptions: [String]
  ) {
    self.spec = spec
    self.rows = rows
    self.device = device
    self.budget = budget
    self.run = run
    self.assumptions = assumptions
  }

  /// Plans every method.
  ///
  /// - Parameters:
  ///   - request: the recipe; settings that a method has no use for are left out of its row.
  ///   - run: how long the run is, where that was said.
  ///   - notes: what was assumed before, such as the model that a size stands for.
  ///   - threads: threads of the engine, where that is the stack.
  public init(
    _ spec: ModelSpec, _ request: RecipeRequest, methods: [ComparedMethod], budget: Bytes? = nil,
    device: Device? = nil, run: WholeRun? = nil, notes: [String] = [], threads: Int = 1
  ) {
    self.spec = spec
    self.device = device
    self.budget = budget ?? device?.usable
    self.run = run
    let limit = self.budget
    rows = methods.map { method in
      Row(
        method: method,
        outcome: Comparison.outcome(
          spec, method.request(within: request), budget: limit, device: device, run, threads: threads))
    }
    assumptions = notes + Comparison.shared(rows.compactMap { $0.planned?.plan.assumptions })
  }

  /// The error of the first method, where none can be planned: then it is the recipe's.
  public var error: (any Error)? {
    let errors = rows.compactMap { row -> (any Error)? in
      if case .refused(let error) = row.outcome { error } else { nil }
    }
    return errors.count == rows.count ? errors.first : nil
  }

  private static func outcome(
    _ spec: ModelSpec, _ request: RecipeRequest, budget: Bytes?, device: Device?, _ run: WholeRun?, threads: Int
  ) -> Outcome {
    do {
      let resolved = try request.resolved(for: spec)
      let recipe = resolved.recipe
      let anywhere = try Planner.deviceBytes(spec, recipe, threads: threads, device: device)
      let smallest = try SmallestCard.find(spec, recipe, near: anywhere.expected)
      let target = device ?? (budget == nil ? smallest?.device : nil)
      let plan = try Planner.plan(spec, resolved, threads: threads, device: target)
      // What no card carries is still worth a row: it is held against the largest.
      let room = budget ?? smallest?.device.usable ?? SmallestCard.sizes.last?.usable ?? .zero
      let (speed, speedDevice) = try Comparison.speed(plan, on: device ?? smallest?.device)
      return .planned(
        Planned(
          verdict: Verdict.judge(plan, budget: room), smallest: smallest, speed: speed, speedDevice: speedDevice,
          run: try run?.time(spec, recipe, on: speedDevice, speed: speed)))
    } catch { return .refused(error) }
  }

  private static func speed(_ plan: Plan, on device: Device?) throws(PlanError) -> (Roofline?, Device?) {
    guard let device, plan.recipe.stack.isTorch else { return (nil, nil) }
    if let throughput = plan.throughput, plan.target == device { return (throughput, device) }
    return (Roofline(plan.recipe, try Planner.stepTime(plan.spec, plan.recipe, on: device), on: device), device)
  }

  /// Sentences that are in every list, in the order of the first.
  private static func shared(_ lists: [[String]]) -> [String] {
    guard let first = lists.first else { return [] }
    return first.filter { sentence in lists.allSatisfy { $0.contains(sentence) } }
  }
}
