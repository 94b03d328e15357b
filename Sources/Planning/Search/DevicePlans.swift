import Bookkeeping
import Modeling
import Synchronization

/// Plans that devices of one kind share.
final class DevicePlans: Sendable {
  private struct Key: Hashable {
    let recipe: Recipe
    let options: TorchWalk.Options?
    /// Where settings of the allocator are shares of the device.
    let name: String?
  }

  private struct Prepared: Sendable {
    let plan: Plan
    let peaks: CachingAllocator.Peaks
    let outside: Bytes
    let buffers: ShardingBuffers
  }

  private let spec: ModelSpec
  private let known = Mutex<[Key: Result<Prepared, PlanError>]>([:])

  init(_ spec: ModelSpec) { self.spec = spec }

  /// A recipe on a device.
  func way(_ recipe: Recipe, on device: Device) throws(PlanError) -> DeviceFit.Way {
    let prepared = try prepared(recipe, device).get()
    let bytes = Footprint.torch(
      prepared.peaks, paged: prepared.outside, on: device, devices: recipe.parallelism.devices
    ).device
    return DeviceFit.Way(
      recipe: recipe, bytes: bytes, buffers: prepared.buffers, fits: bytes.expected <= device.usable,
      speed: Roofline(of: prepared.plan, on: device))
  }

  /// A sharding with as few GPUs as carry it; `nil` if none does.
  ///
  /// Every number is tried from the fewest up: shares fall with their number, but paddings and buffers need not.
  func fewest(_ sharded: ShardedRecipes, on device: Device) -> DeviceFit.Way? {
    for recipe in sharded.recipes where leastWeights(recipe) <= device.usable {
      guard let way = try? way(recipe, on: device) else { return nil }
      if way.fits { return way }
    }
    return nil
  }

  /// Bytes of weights that a GPU holds whatever else it does: what spares the walk of what is far too large.
  private func leastWeights(_ recipe: Recipe) -> Bytes {
    let parallelism = recipe.parallelism
    guard !parallelism.settings.offload.movesParameters, recipe.method.quantization == nil else { return .zero }
    // No format of weights that are not quantized has fewer than two bytes.
    let share = parallelism.sharding.dividesWeights ? parallelism.devices : parallelism.settings.tensorParallelSize
    return Bytes(spec.parameterCount * 2 / share)
  }

  private func prepared(_ recipe: Recipe, _ device: Device) -> Result<Prepared, PlanError> {
    let short = recipe.withAccumulation(atMost: 2)
    let options = TorchFootprint.options(short, on: device)
    let settings = recipe.runtime.allocator
    let isShare = settings.collectionThreshold != nil || settings.memoryFraction != nil
    let key = Key(recipe: recipe, options: options, name: isShare ? device.name : nil)
    if let seen = known.withLock({ $0[key] }) { return seen }
    let result = Result<Prepared, PlanError> { () throws(PlanError) in
      try prepare(recipe, short, options, device)
    }
    known.withLock { $0[key] = result }
    return result
  }

  private func prepare(
    _ recipe: Recipe, _ short: Recipe, _ options: TorchWalk.Options, _ device: Device
  ) throws(PlanError) -> Prepared {
    do { try short.validate(for: spec) } catch {
      throw .notModeled(what: "\(error)", stack: recipe.stack, advice: "change the recipe")
    }
    try SizeLimits.check(spec, short)
    let walk = try TorchWalk.journal(spec, short, options: options)
    let footprint = try TorchFootprint.peaks(walk, spec, short, on: device)
    let nothing = Interval(exactly: .zero)
    let plan = Plan(
      spec: spec, recipe: recipe, assumptions: [], journal: walk.journal, ledger: Ledger(posting: walk.journal),
      work: StepWork.sheet(spec, recipe),
      parameters: ParameterCounts(
        of: spec, method: recipe.method, hasStackedExperts: recipe.choices.experts == .grouped),
      allocated: nothing, reserved: nothing, device: nothing, target: device)
    return Prepared(
      plan: plan, peaks: footprint, outside: walk.outsideAllocator, buffers: ShardingBuffers(walk.journal))
  }
}
