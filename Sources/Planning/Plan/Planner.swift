import Bookkeeping
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
      parameters: ParameterCounts(of: spec, method: recipe.method), allocated: footprint.allocated,
      reserved: footprint.reserved, device: footprint.device, target: device)
  }

  /// Device bytes alone, for the many plans of a search: no ledger is posted and no work counted.
  ///
  /// - Throws: as ``plan(_:_:threads:device:)``.
  public static func deviceBytes(
    _ spec: ModelSpec, _ recipe: Recipe, threads: Int = 1, device: Device? = nil
  ) throws(PlanError) -> Interval {
    let short = recipe.withAccumulation(atMost: 2)
    try SizeLimits.check(spec, short)
    switch recipe.stack {
    case .plimsoll:
      let journal = try EngineWalk.journal(spec, short, threads: max(1, threads))
      return Footprint.engine(journal, threads: max(1, threads)).device
    default:
      let (trace, outside) = try TorchWalk.trace(spec, short, options: torchOptions(device))
      return Footprint.torch(
        trace, paged: outside, on: device, devices: recipe.parallelism.devices
      ).device
    }
  }

  /// A journal, with what the stack's walk assumed, and what a device would show of it.
  private struct Walk {
    let journal: Journal
    let assumptions: [String]
    let footprint: Footprint
  }

  private static func walk(
    _ spec: ModelSpec, _ recipe: Recipe, threads: Int, device: Device?
  ) throws(PlanError) -> Walk {
    switch recipe.stack {
    case .plimsoll:
      let journal = try EngineWalk.journal(spec, recipe, threads: max(1, threads))
      return Walk(journal: journal, assumptions: [], footprint: .engine(journal, threads: max(1, threads)))
    default:
      let walk = try TorchWalk.journal(
        spec, recipe.withAccumulation(atMost: 2), options: torchOptions(device))
      let trace = AllocationTrace(walk.journal, excluded: walk.outsideEntries)
      return Walk(
        journal: walk.journal, assumptions: walk.assumptions,
        footprint: .torch(
          trace, paged: walk.outsideAllocator, on: device, devices: recipe.parallelism.devices))
    }
  }

  private static func torchOptions(_ device: Device?) -> TorchWalk.Options {
    TorchWalk.Options(
      cublasWorkspace: Device.cublasWorkspace(for: device?.computeCapability),
      isSmallCard: device.map { $0.usable <= Bytes(49 << 29) } ?? false)
  }
}
