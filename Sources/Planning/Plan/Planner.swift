import Bookkeeping
public import Modeling

/// Plans one training step from shapes alone.
public enum Planner {
  /// Writes the books of one step of `resolved` on `spec`.
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
    switch recipe.stack {
    case .plimsoll:
      return try planEngine(spec, resolved, threads: max(1, threads), device: device)
    case .trl, .transformers:
      return try planTorch(spec, resolved, device: device)
    }
  }

  private static func planEngine(
    _ spec: ModelSpec, _ resolved: ResolvedRecipe, threads: Int, device: Device?
  ) throws(PlanError) -> Plan {
    let journal = try EngineWalk.journal(spec, resolved.recipe, threads: threads)
    let ledger = Ledger(posting: journal)
    let reserved = RoundedPeak.of(journal, by: .pages)
    return Plan(
      spec: spec, recipe: resolved.recipe, assumptions: resolved.assumptions, journal: journal, ledger: ledger,
      work: StepWork.sheet(spec, resolved.recipe),
      parameters: ParameterCounts(of: spec, method: resolved.recipe.method),
      allocated: Interval(exactly: ledger.peak.bytes), reserved: Interval(exactly: reserved),
      device: Interval(exactly: reserved) + EngineRuntime.interval(threads: threads), target: device)
  }

  private static func planTorch(
    _ spec: ModelSpec, _ resolved: ResolvedRecipe, device: Device?
  ) throws(PlanError) -> Plan {
    var options = TorchWalk.Options()
    if let capability = device?.computeCapability, capability.major >= 9 { options.cublasWorkspace = 32 * .mebi }
    let walk = try TorchWalk.journal(spec, resolved.recipe, options: options)
    let ledger = Ledger(posting: walk.journal)
    let peaks = CachingAllocator.replay(
      walk.journal, options: CachingAllocator.Options(excluded: walk.outsideEntries))
    let reserved = Interval(exactly: peaks.reserved)
    let context = device?.context ?? Device.typicalContext
    return Plan(
      spec: spec, recipe: resolved.recipe, assumptions: resolved.assumptions + walk.assumptions,
      journal: walk.journal, ledger: ledger, work: StepWork.sheet(spec, resolved.recipe),
      parameters: ParameterCounts(of: spec, method: resolved.recipe.method),
      allocated: Interval(exactly: peaks.allocated), reserved: reserved,
      device: reserved + context, target: device)
  }
}
