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

  /// A process after its first step, from which it may go on in several ways.
  struct Started {
    var run: AllocatorRun
    fileprivate let load: CachingAllocator.Peaks
    fileprivate let first: CachingAllocator.Peaks
    fileprivate var batch: [Int32]
    fileprivate var steps = 1

    var peaks: Peaks { Peaks(load: load, first: first, steady: run.peaks, ranOut: run.ranOut) }
  }

  /// Replays loading and a first step.
  func started(with first: AllocationTrace, _ variation: Variation, limit: Int = .max) -> Started {
    var run = AllocatorRun(options)
    run.limit = limit
    load(first.residents, variation, &run)
    let loaded = run.takePeaks()
    var batch: [Int32] = []
    step(first, number: 0, &batch, &run)
    let first = run.takePeaks()
    return Started(run: run, load: loaded, first: first, batch: batch)
  }

  /// Replays a further step.
  func go(on process: inout Started, with trace: AllocationTrace) {
    step(trace, number: process.steps, &process.batch, &process.run)
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

  private func step(_ trace: AllocationTrace, number: Int, _ batch: inout [Int32], _ run: inout AllocatorRun) {
    // The next batch is fetched before the last one's name is bound anew.
    let fetched = trace.residents.filter { $0.role == .batch }.map { run.allocate($0.bytes) }
    for block in batch { run.free(block) }
    batch = fetched
    let isFirst = number == 0
    if isFirst { open(.workspace(isAutograd: false), of: trace, &run) }
    var blocks = [Int32](repeating: -1, count: trace.sizes.count)
    // The counter of steps starts at 0, which every number divides (transformers trainer.py, `training_step`).
    let empties = emptyCacheSteps.map { number.isMultiple(of: $0) } ?? false
    var start = trace.step.lowerBound
    for (micro, backward) in trace.backwardStarts.enumerated() {
      run.perform(start..<backward, of: trace, &blocks)
      if empties { run.emptyCache() }
      if isFirst, micro == 0 { open(.workspace(isAutograd: true), of: trace, &run) }
      start = backward
    }
    let optimizer = max(start, trace.optimizerStart ?? trace.step.upperBound)
    run.perform(start..<optimizer, of: trace, &blocks)
    if isFirst { open(.state, of: trace, &run) }
    run.perform(optimizer..<trace.step.upperBound, of: trace, &blocks)
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
