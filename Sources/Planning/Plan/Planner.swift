public import Bookkeeping
public import Modeling

/// Plans one training step from shapes alone.
public enum Planner {
  /// Writes the books of one step of `resolved` on `spec`.
  ///
  /// On stacks of PyTorch the books hold at most two micro-batches: from the second on, which finds the gradients of the
  /// first, each is like the one before. The work counts all of them.
  ///
  /// - Parameters:
  ///   - threads: threads of the engine, which borrow a workspace each; without meaning on other stacks.
  ///   - device: what the step is to run on, for its context and library workspaces; a typical one if `nil`.
  /// - Throws: ``PlanError`` for what has no rule, rather than a guess.
  public static func plan(
    _ spec: ModelSpec, _ resolved: ResolvedRecipe, threads: Int = 1, device: Device? = nil
  ) throws(PlanError) -> Plan {
    let recipe = resolved.recipe
    try SizeLimits.check(spec, recipe)
    let walk = try walk(spec, recipe, threads: threads, device: device)
    let footprint = walk.footprint
    return Plan(
      spec: spec, recipe: recipe, assumptions: resolved.assumptions + walk.assumptions, journal: walk.journal,
      ledger: Ledger(posting: walk.journal), work: StepWork.sheet(spec, recipe),
      parameters: ParameterCounts(
        of: spec, method: recipe.method, hasStackedExperts: recipe.choices.experts == .grouped),
      allocated: footprint.allocated, reserved: footprint.reserved, device: footprint.device, target: device,
      load: walk.load, reservedWhenFull: footprint.reservedWhenFull)
  }

  /// Device bytes alone, for the many plans of a search: no ledger is posted and no work counted.
  ///
  /// - Throws: as ``plan(_:_:threads:device:)``.
  public static func deviceBytes(
    _ spec: ModelSpec, _ recipe: Recipe, threads: Int = 1, device: Device? = nil
  ) throws(PlanError) -> Interval {
    let estimate = try estimate(spec, recipe, threads: threads, device: device)
    // Without a limit nothing is left out.
    return estimate.device ?? Interval(exactly: estimate.floor)
  }

  /// Device bytes and what they are at least; where they are above `limit`, only that they are.
  ///
  /// - Throws: as ``plan(_:_:threads:device:)``.
  public static func estimate(
    _ spec: ModelSpec, _ recipe: Recipe, threads: Int = 1, device: Device? = nil, limit: Bytes? = nil
  ) throws(PlanError) -> Estimate {
    let short = recipe.withAccumulation(atMost: 2)
    try SizeLimits.check(spec, short)
    guard recipe.stack == .plimsoll else {
      return try TorchFootprint.estimate(spec, short, on: device, limit: limit)
    }
    let journal = try EngineWalk.journal(spec, short, threads: max(1, threads))
    let bytes = Footprint.engine(journal, threads: max(1, threads)).device
    let lasting = journal.residents.reduce(Bytes.zero) { $1.account == .batch ? $0 : $0 + $1.bytes }
    return Estimate(
      floor: bytes.expected, lasting: min(lasting, bytes.expected),
      device: limit.map { bytes.expected > $0 } ?? false ? nil : bytes)
  }

  /// A journal, with what the stack's walk assumed, and what a device would show of it.
  private struct Walk {
    let journal: Journal
    let assumptions: [String]
    let footprint: Footprint
    /// The books of loading, where they are more than the step's first moment.
    let load: Ledger?
  }

  private static func walk(
    _ spec: ModelSpec, _ recipe: Recipe, threads: Int, device: Device?
  ) throws(PlanError) -> Walk {
    switch recipe.stack {
    case .plimsoll:
      let journal = try EngineWalk.journal(spec, recipe, threads: max(1, threads))
      return Walk(
        journal: journal, assumptions: [], footprint: .engine(journal, threads: max(1, threads)), load: nil)
    default:
      let short = recipe.withAccumulation(atMost: 2)
      let walk = try TorchWalk.journal(spec, short, options: TorchFootprint.options(short, on: device))
      return Walk(
        journal: walk.journal, assumptions: walk.assumptions,
        footprint: try TorchFootprint.whole(walk, spec, short, on: device), load: walk.load)
    }
  }
}
