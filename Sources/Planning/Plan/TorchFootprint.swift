import Bookkeeping
import Modeling

/// What a process on PyTorch shows: its step replayed through the allocator as often as it takes to know.
enum TorchFootprint {
  /// What is expected, for the many plans of a search.
  ///
  /// - Parameter limit: device bytes beyond which the figure doesn't matter: nothing is replayed where the floor is
  ///   above them, and no more than it takes to know otherwise.
  static func estimate(
    _ spec: ModelSpec, _ recipe: Recipe, on device: Device?, limit: Bytes? = nil
  ) throws(PlanError) -> Estimate {
    let options = options(recipe, on: device)
    let rules = LoadRules(TorchPolicy(recipe, options))
    let (trace, outside) = try TorchWalk.trace(spec, recipe, options: options)
    func bytes(reserving bytes: Bytes, paged: Bytes) -> Interval {
      let peaks = CachingAllocator.Peaks(allocated: bytes, reserved: bytes)
      return Footprint.torch(peaks, paged: paged, on: device, devices: recipe.parallelism.devices).device
    }
    // Beside the allocator there is no less than this, so that so much more reserved is too much.
    let beside = bytes(reserving: .zero, paged: .zero).expected
    let live = Bytes(trace.livePeak(isVaried: recipe.batch.variedLengths != nil))
    let floor = bytes(reserving: live, paged: outside).expected
    let lasting = Bytes(trace.lastingBytes) + beside + (device == nil ? outside : .zero)
    if let limit, floor > limit { return Estimate(floor: floor, lasting: lasting, device: nil) }
    let most = limit.map { ($0 - beside).count } ?? .max
    let orders = try orders(spec, recipe, options, longest: trace)
    let peaks = ReservedRange.middle(of: orders, replay(rules, recipe, on: device), limit: most).peaks
    let expected = bytes(reserving: peaks.reserved, paged: outside)
    let isOver = limit.map { expected.expected > $0 } ?? false
    return Estimate(floor: floor, lasting: lasting, device: isOver ? nil : expected)
  }

  /// What the allocator is expected to show of a walk.
  static func peaks(
    _ walk: TorchWalk.Result, _ spec: ModelSpec, _ recipe: Recipe, on device: Device
  ) throws(PlanError) -> CachingAllocator.Peaks {
    let options = options(recipe, on: device)
    let trace = AllocationTrace(walk.journal, excluded: walk.outsideEntries, rules: walk.rules)
    let orders = try orders(spec, recipe, options, longest: trace)
    return ReservedRange.middle(of: orders, replay(walk.rules, recipe, on: device)).peaks
  }

  /// What is expected, and how far it may go in other ways.
  static func whole(
    _ walk: TorchWalk.Result, _ spec: ModelSpec, _ recipe: Recipe, on device: Device?
  ) throws(PlanError) -> Footprint {
    let options = options(recipe, on: device)
    let trace = AllocationTrace(walk.journal, excluded: walk.outsideEntries, rules: walk.rules)
    let range = ReservedRange(
      recipe, orders: try orders(spec, recipe, options, longest: trace), replay(walk.rules, recipe, on: device),
      on: device
    ) {
      let borrowed = walk.journal.dequantizedInForward
      guard !borrowed.isEmpty else { return nil }
      return AllocationTrace(walk.journal, excluded: walk.outsideEntries.union(borrowed), rules: walk.rules)
    }
    return Footprint.torch(
      allocated: range.allocated, reserved: range.reserved, paged: walk.outsideAllocator, on: device,
      devices: recipe.parallelism.devices, reservedWhenFull: range.whenFull)
  }

  /// As ``whole(_:_:_:on:)``, from books without names.
  static func whole(
    _ unrolled: UnrolledFigures, _ spec: ModelSpec, _ recipe: Recipe, rules: LoadRules, on device: Device?,
    detail: PlanFigures.Detail, withoutDequantized: () -> AllocationTrace?
  ) throws(PlanError) -> Footprint {
    let options = options(recipe, on: device)
    if detail == .expected {
      let orders = try orders(spec, recipe, options, longest: unrolled.trace)
      return Footprint.torch(
        ReservedRange.middle(of: orders, replay(rules, recipe, on: device)).peaks, paged: unrolled.outside, on: device,
        devices: recipe.parallelism.devices)
    }
    let range = ReservedRange(
      recipe, orders: try orders(spec, recipe, options, longest: unrolled.trace), replay(rules, recipe, on: device),
      on: device, withoutDequantized: withoutDequantized)
    return Footprint.torch(
      allocated: range.allocated, reserved: range.reserved, paged: unrolled.outside, on: device,
      devices: recipe.parallelism.devices, reservedWhenFull: range.whenFull)
  }

  /// What the recipe and the device decide about the walk.
  static func options(_ recipe: Recipe, on device: Device?) -> TorchWalk.Options {
    TorchWalk.Options(
      cublasWorkspace: recipe.runtime.cublasWorkspace
        ?? Device.cublasWorkspace(for: device?.computeCapability),
      isPadded: recipe.batch.variedLengths != nil && recipe.batch.microBatch > 1,
      isSmallCard: device.map { $0.usable <= Bytes(49 << 29) } ?? false,
      hasFlashKernels: device?.computeCapability.map { $0.major >= 8 } ?? true)
  }

  /// The device's size matters to settings that are shares of it.
  private static func replay(_ rules: LoadRules, _ recipe: Recipe, on device: Device?) -> ProcessReplay {
    let settings = recipe.runtime.allocator
    let needsSize = settings.collectionThreshold != nil || settings.memoryFraction != nil
    return ProcessReplay(rules, recipe.runtime, capacity: needsSize ? device?.memoryForTensors : nil)
  }

  /// A first step and a second one like it, or seeded orders of steps of different lengths.
  private static func orders(
    _ spec: ModelSpec, _ recipe: Recipe, _ options: TorchWalk.Options, longest: AllocationTrace
  ) throws(PlanError) -> [[AllocationTrace]] {
    guard let distribution = recipe.batch.variedLengths else { return [[longest, longest]] }
    let top = min(recipe.batch.sequence, distribution.longest)
    var walked = [top: longest]
    func walk(_ length: Int) throws(PlanError) -> AllocationTrace? {
      if let known = walked[length] { return known }
      guard let shorter = recipe.changed(RecipeChange(sequence: length)) else { return nil }
      walked[length] = try TorchWalk.trace(spec, shorter, options: options).trace
      return walked[length]
    }
    var points: [(length: Int, trace: AllocationTrace)] = []
    for length in LengthTraces.lengths(from: min(distribution.shortest, top), to: top) {
      if let trace = try walk(length) { points.append((length, trace)) }
    }
    let between = LengthTraces(points)
    let count = between == nil ? LengthOrder.walkedSteps : LengthOrder.steps
    var orders: [[AllocationTrace]] = []
    for seed in LengthOrder.seeds {
      var steps: [AllocationTrace] = []
      for length in LengthOrder.lengths(recipe.batch, distribution, seed: seed, steps: count) {
        if let between, walked[length] == nil {
          steps.append(between.trace(at: length))
        } else if let trace = try walk(length) {
          steps.append(trace)
        }
      }
      orders.append(steps)
    }
    return orders
  }
}

extension BatchShape {
  /// The distribution of lengths, where there is one and it varies.
  var variedLengths: LengthDistribution? { lengths.flatMap { $0.isConstant ? nil : $0 } }
}
