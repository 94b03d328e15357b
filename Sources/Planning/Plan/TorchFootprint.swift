import Bookkeeping
import Modeling

/// What a process on PyTorch shows: its step replayed through the allocator as often as it takes to know.
enum TorchFootprint {
  /// What is expected, for the many plans of a search.
  static func expected(
    _ spec: ModelSpec, _ recipe: Recipe, on device: Device?
  ) throws(PlanError) -> Footprint {
    let options = options(recipe, on: device)
    let rules = LoadRules(TorchPolicy(recipe, options))
    let (trace, outside) = try TorchWalk.trace(spec, recipe, options: options)
    let steps = try order(spec, recipe, options, longest: trace, seed: 0)
    let free = replay(rules, recipe, on: device).peaks(of: steps, rules.usual).whole
    let peaks = ReservedRange.limited(free, steps, rules, recipe, on: device) ?? free
    return Footprint.torch(peaks, paged: outside, on: device, devices: recipe.parallelism.devices)
  }

  /// What is expected, and how far it may go in other ways.
  static func whole(
    _ walk: TorchWalk.Result, _ spec: ModelSpec, _ recipe: Recipe, on device: Device?
  ) throws(PlanError) -> Footprint {
    let options = options(recipe, on: device)
    let trace = AllocationTrace(walk.journal, excluded: walk.outsideEntries, rules: walk.rules)
    var orders = [try order(spec, recipe, options, longest: trace, seed: 0)]
    if recipe.batch.variedLengths != nil {
      for seed in 1...LengthOrder.others {
        orders.append(try order(spec, recipe, options, longest: trace, seed: UInt64(seed)))
      }
    }
    let range = ReservedRange(
      walk, recipe, orders: orders, replay(walk.rules, recipe, on: device), on: device)
    return Footprint.torch(
      allocated: range.allocated, reserved: range.reserved, paged: walk.outsideAllocator, on: device,
      devices: recipe.parallelism.devices)
  }

  /// What the recipe and the device decide about the walk.
  static func options(_ recipe: Recipe, on device: Device?) -> TorchWalk.Options {
    TorchWalk.Options(
      cublasWorkspace: recipe.runtime.cublasWorkspace
        ?? Device.cublasWorkspace(for: device?.computeCapability),
      isPadded: recipe.batch.variedLengths != nil && recipe.batch.microBatch > 1,
      isSmallCard: device.map { $0.usable <= Bytes(49 << 29) } ?? false)
  }

  /// The device's size matters to settings that are shares of it.
  private static func replay(_ rules: LoadRules, _ recipe: Recipe, on device: Device?) -> ProcessReplay {
    let settings = recipe.runtime.allocator
    let needsSize = settings.collectionThreshold != nil || settings.memoryFraction != nil
    return ProcessReplay(
      rules, recipe.runtime, capacity: needsSize ? device?.memoryForTensors(devices: recipe.parallelism.devices) : nil)
  }

  /// A first step and a second one like it, or steps of seeded lengths.
  private static func order(
    _ spec: ModelSpec, _ recipe: Recipe, _ options: TorchWalk.Options, longest: AllocationTrace, seed: UInt64
  ) throws(PlanError) -> [AllocationTrace] {
    guard let distribution = recipe.batch.variedLengths else { return [longest, longest] }
    var traces = [min(recipe.batch.sequence, distribution.longest): longest]
    var steps: [AllocationTrace] = []
    for length in LengthOrder.lengths(recipe.batch, distribution, seed: seed) {
      if let known = traces[length] {
        steps.append(known)
        continue
      }
      guard let shorter = recipe.changed(RecipeChange(sequence: length)) else { continue }
      let trace = try TorchWalk.trace(spec, shorter, options: options).trace
      traces[length] = trace
      steps.append(trace)
    }
    return steps
  }
}

extension BatchShape {
  /// The distribution of lengths, where there is one and it varies.
  var variedLengths: LengthDistribution? { lengths.flatMap { $0.isConstant ? nil : $0 } }
}
