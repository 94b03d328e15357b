import Bookkeeping
import Modeling

/// A training process as its allocator sees it: loading, a first step that makes the optimizer's states, further steps.
struct ProcessReplay {
  /// What may go one way or the other without the recipe saying so.
  struct Variation: Hashable {
    /// Whether the loader takes a block of the whole model's size first.
    var warmsUp: Bool
    /// Whether weights are quantized and cast elsewhere, and come as they stay.
    var loadsElsewhere = false
    /// Whether the cache is emptied between the first step and the second.
    var emptiesAfterFirst = false
  }

  /// The highest water of each part.
  struct Peaks {
    var load: CachingAllocator.Peaks
    var first: CachingAllocator.Peaks
    var steady: CachingAllocator.Peaks
    var ranOut: Bool

    var whole: CachingAllocator.Peaks { load.joined(with: first).joined(with: steady) }
  }

  let rules: LoadRules
  let options: CachingAllocator.Options
  let emptyCacheSteps: Int?

  /// Replays loading and then the steps, which may differ in the length of their sequences.
  ///
  /// - Parameter limit: reserved bytes beyond which the replay may stop; the peaks are then above them, and not whole.
  func peaks(of steps: [AllocationTrace], _ variation: Variation, limit: Int = .max) -> Peaks {
    guard let first = steps.first else {
      let none = AllocatorRun(options).peaks
      return Peaks(load: none, first: none, steady: none, ranOut: false)
    }
    var process = started(with: first, variation, limit: limit)
    if process.peaks.whole.reserved.count > limit { return process.peaks }
    if variation.emptiesAfterFirst { process.run.emptyCache() }
    for trace in steps.dropFirst() { go(on: &process, with: trace) }
    return process.peaks
  }

  /// A process whose model is loaded.
  struct Loaded {
    fileprivate var run: AllocatorRun
    fileprivate let peaks: CachingAllocator.Peaks
    let standing: SegmentArena.Standing
  }

  /// A process after its first step, from which it may go on in several ways.
  struct Started {
    var run: AllocatorRun
    fileprivate let load: CachingAllocator.Peaks
    fileprivate let first: CachingAllocator.Peaks
    fileprivate var places: Places
    fileprivate var steps = 1

    var peaks: Peaks { Peaks(load: load, first: first, steady: run.peaks, ranOut: run.ranOut) }

    /// What a step has left.
    mutating func standing() -> Standing {
      Standing(arena: run.standing(), batch: run.addresses(of: places.batch), batchIsSmall: run.areSmall(places.batch))
    }
  }

  /// What a process is left with by a step.
  struct Standing {
    let arena: SegmentArena.Standing
    fileprivate let batch: [Int]
    fileprivate let batchIsSmall: Bool

    /// Whether the steps after this one show no other peaks than those before, if all steps are alike: the large pool is
    /// as the last step has left it, and the small one as that or an earlier step has.
    ///
    /// The pools don't know each other. Neither takes a segment any more, since it would find its way back to where no
    /// step has one less; and blocks of the small pool are as large as what is asked for wherever they are.
    func repeats(_ last: Standing, _ earlier: Standing?) -> Bool {
      guard arena.large == last.arena.large, arena.unmapped == last.arena.unmapped,
        arena.reserved == last.arena.reserved, arena.nextAddress == last.arena.nextAddress,
        arena.allocated == last.arena.allocated
      else { return false }
      if arena.small == last.arena.small, batch == last.batch { return true }
      guard let earlier, batchIsSmall, arena.unmapped.isEmpty, arena.allocated == earlier.arena.allocated else {
        return false
      }
      return arena.small == earlier.arena.small && batch == earlier.batch
    }
  }

  /// Where tensors are.
  fileprivate struct Places {
    /// The blocks of the batch that was fetched last.
    var batch: [Int32] = []
    /// The block of every request of a step that is open, negative for none; kept from step to step for its room only.
    var blocks: [Int32] = []
  }

  /// Whether steps that begin alike go alike: nothing counts them, and nothing runs out.
  var hasNoCounters: Bool {
    emptyCacheSteps == nil && options.capacity == nil && !options.settings.usesExpandableSegments
  }

  /// Replays loading.
  func loaded(_ first: AllocationTrace, _ variation: Variation, limit: Int = .max) -> Loaded {
    var run = AllocatorRun(options, requests: first.sizes.count)
    run.limit = limit
    load(first.residents, variation, &run)
    let peaks = run.takePeaks()
    let standing = run.standing()
    return Loaded(run: run, peaks: peaks, standing: standing)
  }

  /// Replays loading and a first step.
  func started(with first: AllocationTrace, _ variation: Variation, limit: Int = .max) -> Started {
    started(with: first, loaded(first, variation, limit: limit))
  }

  /// Replays a first step.
  func started(with trace: AllocationTrace, _ loaded: Loaded) -> Started {
    var run = loaded.run
    var places = Places()
    step(trace, number: 0, &places, &run)
    let first = run.takePeaks()
    return Started(run: run, load: loaded.peaks, first: first, places: places)
  }

  /// The peaks of a process that was loaded in another way, from those of a known one; `nil` if it has other free blocks.
  ///
  /// - Parameter trace: the step that both perform.
  func peaks(
    of loaded: Loaded, of trace: AllocationTrace, like known: Loaded, with peaks: Peaks
  ) -> Peaks? {
    guard hasNoCounters else { return nil }
    let smallest = trace.sizes.reduce(Int.max) { $1 > SegmentArena.smallRequest ? min($0, $1) : $0 }
    guard loaded.standing.shapes(serving: smallest) == known.standing.shapes(serving: smallest) else { return nil }
    func moved(_ peaks: CachingAllocator.Peaks) -> CachingAllocator.Peaks {
      CachingAllocator.Peaks(
        allocated: peaks.allocated + Bytes(loaded.standing.allocated - known.standing.allocated),
        reserved: peaks.reserved + Bytes(loaded.standing.reserved - known.standing.reserved))
    }
    return Peaks(load: loaded.peaks, first: moved(peaks.first), steady: moved(peaks.steady), ranOut: peaks.ranOut)
  }

  /// Replays a further step.
  func go(on process: inout Started, with trace: AllocationTrace) {
    step(trace, number: process.steps, &process.places, &process.run)
    process.steps += 1
  }

  // MARK: Loading

  private func load(_ residents: [AllocationTrace.Resident], _ variation: Variation, _ run: inout AllocatorRun) {
    if variation.warmsUp { run.free(run.allocate(residents.reduce(0) { $0 + $1.warmUpBytes })) }
    var borrowed: [Int32] = []
    var casts: [(block: Int32, bytes: Int)] = []
    func finish(_ run: inout AllocatorRun) {
      for block in borrowed.reversed() { run.free(block) }
      borrowed.removeAll(keepingCapacity: true)
    }
    for resident in residents {
      if resident.role != .constant { finish(&run) }
      switch resident.role {
      case .plain, .constant: _ = run.allocate(resident.bytes)
      case .quantized(let source, let buffers):
        if !variation.loadsElsewhere {
          borrowed.append(run.allocate(source))
          for loan in buffers { borrowed.append(run.allocate(loan.bytes)) }
        }
        _ = run.allocate(resident.bytes)
      case .upcast(let source):
        if variation.loadsElsewhere {
          _ = run.allocate(resident.bytes)
        } else {
          casts.append((run.allocate(source), resident.bytes))
        }
      case .adapter, .state, .batch, .workspace: continue
      }
    }
    finish(&run)
    for cast in casts {
      _ = run.allocate(cast.bytes)
      run.free(cast.block)
    }
    if rules.isPrepared { run.emptyCache() }
    for resident in residents where resident.role == .adapter { _ = run.allocate(resident.bytes) }
  }

  // MARK: Steps

  private func step(_ trace: AllocationTrace, number: Int, _ places: inout Places, _ run: inout AllocatorRun) {
    // The next batch is fetched before the last one's name is bound anew.
    let fetched = trace.residents.filter { $0.role == .batch }.map { run.allocate($0.bytes) }
    for block in places.batch { run.free(block) }
    places.batch = fetched
    let isFirst = number == 0
    if isFirst { open(.workspace(isAutograd: false), of: trace, &run) }
    let missing = trace.sizes.count - places.blocks.count
    if missing > 0 { places.blocks.append(contentsOf: repeatElement(-1, count: missing)) }
    // The counter of steps starts at 0, which every number divides (transformers trainer.py, `training_step`).
    let empties = emptyCacheSteps.map { number.isMultiple(of: $0) } ?? false
    var start = trace.step.lowerBound
    for (micro, backward) in trace.backwardStarts.enumerated() {
      run.perform(start..<backward, of: trace, &places.blocks)
      if empties { run.emptyCache() }
      if isFirst, micro == 0 { open(.workspace(isAutograd: true), of: trace, &run) }
      start = backward
    }
    let optimizer = max(start, trace.optimizerStart ?? trace.step.upperBound)
    run.perform(start..<optimizer, of: trace, &places.blocks)
    if isFirst { open(.state, of: trace, &run) }
    run.perform(optimizer..<trace.step.upperBound, of: trace, &places.blocks)
  }

  /// Opens what stays from here on.
  private func open(_ role: ResidentRole, of trace: AllocationTrace, _ run: inout AllocatorRun) {
    for resident in trace.residents where resident.role == role { _ = run.allocate(resident.bytes) }
  }
}

extension AllocationTrace.Resident {
  /// What the loader's warm-up counts: codes at their own size, everything else as it arrives, scales not at all
  /// (transformers modeling_utils.py, `get_total_byte_count`).
  fileprivate var warmUpBytes: Int {
    switch role {
    case .plain, .quantized: bytes
    case .upcast(let source): source
    case .constant, .adapter, .state, .batch, .workspace: 0
    }
  }
}

extension LoadRules {
  /// A process of which nothing unusual is known.
  var usual: ProcessReplay.Variation { ProcessReplay.Variation(warmsUp: warmsUp) }
}

extension ProcessReplay {
  init(_ rules: LoadRules, _ runtime: RuntimeSettings, capacity: Bytes? = nil) {
    self.init(
      rules: rules, options: CachingAllocator.Options(settings: runtime.allocator, capacity: capacity),
      emptyCacheSteps: runtime.emptyCacheSteps)
  }
}
