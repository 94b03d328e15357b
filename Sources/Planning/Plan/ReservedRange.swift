import Bookkeeping
package import Modeling

/// What the caching allocator reserves where the recipe leaves it open: the same process replayed in other ways.
package struct ReservedRange {
  let allocated: Interval
  let reserved: Interval
  /// What is reserved where the expected process fills the device and goes on; `nil` where it doesn't.
  let whenFull: Bytes?

  /// A way in which a process may differ, and what to say where that makes a difference.
  private struct Change {
    let cause: String
    let steps: [AllocationTrace]
    let replay: ProcessReplay
    let variation: ProcessReplay.Variation
    /// What it came to, where that was found on the way.
    var known: CachingAllocator.Peaks?
  }

  /// - Parameters:
  ///   - walk: the step, at its longest.
  ///   - orders: seeded orders of steps of different lengths; of one length, a single one.
  ///   - replay: the process as expected.
  ///   - device: what the step runs on, where it is known.
  ///   - takesShortcuts: whether what must come out as it did before is not replayed again.
  init(
    _ recipe: Recipe, orders: [[AllocationTrace]], _ replay: ProcessReplay, on device: Device?,
    takesShortcuts: Bool = true, withoutDequantized: () -> AllocationTrace?
  ) {
    let usual = replay.rules.usual
    let alike = recipe.batch.variedLengths == nil ? orders.first?.first : nil
    let trunk = alike.map { ReservedRange.trunk(of: $0, replay, takesShortcuts) }
    let (steps, expected, others): ([AllocationTrace], CachingAllocator.Peaks, [CachingAllocator.Peaks])
    if let trunk, let alike {
      (steps, expected, others) = ([alike, alike], trunk.two.whole, [])
    } else {
      (steps, expected, others) = ReservedRange.middle(of: orders, replay)
    }
    var (allocated, reserved) = (Range(expected.allocated), Range(expected.reserved))
    for peaks in others {
      let cause =
        "lengths differ from step to step, and with their order the holes between cached blocks "
        + "(seeded orders of \(steps.count) steps)"
      allocated.take(peaks.allocated, because: cause)
      reserved.take(peaks.reserved, because: cause)
    }
    for change in ReservedRange.changes(recipe, steps, replay, usual, trunk, withoutDequantized) {
      let peaks = change.known ?? change.replay.peaks(of: change.steps, change.variation).whole
      allocated.take(peaks.allocated, because: change.cause)
      reserved.take(peaks.reserved, because: change.cause)
    }
    var whenFull: Bytes?
    if let device, device.memoryForTensors < expected.reserved {
      let limited = ProcessReplay(replay.rules, recipe.runtime, capacity: device.memoryForTensors)
      let peaks = limited.peaks(of: steps, usual)
      if !peaks.ranOut {
        whenFull = peaks.whole.reserved
        reserved.take(
          peaks.whole.reserved,
          because: "where the device is full, the allocator gives cached segments back and tries again")
      }
    }
    self.whenFull = whenFull
    self.allocated = allocated.interval
    self.reserved = reserved.interval
  }

  /// How far the figures of a step may go, with shortcuts or without: tests hold the two side by side.
  package static func intervals(
    _ spec: ModelSpec, _ recipe: Recipe, takesShortcuts: Bool
  ) throws(PlanError) -> [Interval] {
    let options = TorchFootprint.options(recipe, on: nil)
    let rules = LoadRules(TorchPolicy(recipe, options))
    let trace = try TorchWalk.trace(spec, recipe, options: options).trace
    let range = ReservedRange(
      recipe, orders: [[trace, trace]], ProcessReplay(rules, recipe.runtime), on: nil, takesShortcuts: takesShortcuts
    ) { nil }
    return [range.allocated, range.reserved]
  }

  /// Peaks of a process whose steps are alike, in ways that have its beginning in common.
  private struct Trunk {
    let loaded: ProcessReplay.Loaded
    /// Of two steps.
    let two: ProcessReplay.Peaks
    /// Of two steps, the cache emptied between them.
    let emptied: CachingAllocator.Peaks
    /// Of four steps.
    let four: CachingAllocator.Peaks
    /// Whether its peaks are taken for those of processes that begin alike.
    let isLikeOthers: Bool
  }

  private static func trunk(
    of step: AllocationTrace, _ replay: ProcessReplay, _ takesShortcuts: Bool
  ) -> Trunk {
    let loaded = replay.loaded(step, replay.rules.usual)
    var process = replay.started(with: step, loaded)
    var other = process
    other.run.emptyCache()
    replay.go(on: &other, with: step)
    var earlier: ProcessReplay.Standing?
    var last = process.standing()
    replay.go(on: &process, with: step)
    let two = process.peaks
    for _ in 0..<2 {
      let standing = process.standing()
      if takesShortcuts, replay.hasNoCounters, standing.repeats(last, earlier) { break }
      (earlier, last) = (last, standing)
      replay.go(on: &process, with: step)
    }
    return Trunk(
      loaded: loaded, two: two, emptied: other.peaks.whole, four: process.peaks.whole, isLikeOthers: takesShortcuts)
  }

  /// Of two steps of a process that is loaded in another way.
  private static func peaks(
    of step: AllocationTrace, _ variation: ProcessReplay.Variation, _ replay: ProcessReplay, like trunk: Trunk
  ) -> CachingAllocator.Peaks {
    let loaded = replay.loaded(step, variation)
    if trunk.isLikeOthers,
      let known = replay.peaks(of: loaded, of: step, like: trunk.loaded, with: trunk.two)
    {
      return known.whole
    }
    var process = replay.started(with: step, loaded)
    replay.go(on: &process, with: step)
    return process.peaks.whole
  }

  /// The order that reserves neither most nor least, what it reserves, and what the others do.
  static func middle(
    of orders: [[AllocationTrace]], _ replay: ProcessReplay, limit: Int = .max
  ) -> (steps: [AllocationTrace], peaks: CachingAllocator.Peaks, others: [CachingAllocator.Peaks]) {
    let peaks = orders.map { replay.peaks(of: $0, replay.rules.usual, limit: limit).whole }
    let sorted = peaks.indices.sorted { (peaks[$0].reserved, $0) < (peaks[$1].reserved, $1) }
    guard let middle = sorted.dropFirst(sorted.count / 2).first else {
      return ([], CachingAllocator.Peaks(allocated: .zero, reserved: .zero), [])
    }
    return (orders[middle], peaks[middle], peaks.indices.filter { $0 != middle }.map { peaks[$0] })
  }

  private static func changes(
    _ recipe: Recipe, _ steps: [AllocationTrace], _ replay: ProcessReplay, _ usual: ProcessReplay.Variation,
    _ trunk: Trunk?, _ withoutDequantized: () -> AllocationTrace?
  ) -> [Change] {
    let isVaried = recipe.batch.variedLengths != nil
    func change(_ cause: String, _ edit: (inout ProcessReplay.Variation) -> Void) -> Change {
      var variation = usual
      edit(&variation)
      var change = Change(cause: cause, steps: steps, replay: replay, variation: variation)
      if variation.emptiesAfterFirst {
        change.known = trunk?.emptied
      } else if let trunk, let step = steps.first {
        change.known = peaks(of: step, variation, replay, like: trunk)
      }
      return change
    }
    var list = [
      change(
        usual.warmsUp
          ? "weights may be loaded one by one, without the loader's one large block"
          : "the loader may take one block as large as the model first, and cut weights from it"
      ) { $0.warmsUp.toggle() }
    ]
    list.append(change("the cache may be emptied after the first step") { $0.emptiesAfterFirst = true })
    if let trunk {
      list.append(
        Change(
          cause: "later steps may find the cached segments in another order", steps: steps, replay: replay,
          variation: usual, known: trunk.four))
    }
    if replay.rules.isQuantized {
      list.append(
        change("weights may be quantized before they come to the device, and leave no segments behind") {
          $0.loadsElsewhere = true
        })
    }
    if !isVaried, recipe.batch.tokens <= ReservedRange.fusedTokens, let trace = withoutDequantized() {
      list.append(
        Change(
          cause: "for so few tokens bitsandbytes may choose a kernel that dequantizes nothing in forward",
          steps: [trace, trace], replay: replay, variation: usual))
    }
    return list
  }

  /// Tokens up to which bitsandbytes may take its fused 4-bit kernel (backends/cuda/ops.py, `gemm_4bit`).
  private static let fusedTokens = 1536

  /// A figure with what was found below and above it.
  private struct Range {
    let expected: Bytes
    private var low: Bytes
    private var high: Bytes
    private var causes: [String] = []

    init(_ expected: Bytes) { (self.expected, low, high) = (expected, expected, expected) }

    mutating func take(_ bytes: Bytes, because cause: String) {
      guard bytes != expected else { return }
      low = min(low, bytes)
      high = max(high, bytes)
      let size = Bytes(abs((bytes - expected).count))
      let sentence = "\(cause): \(size) \(bytes < expected ? "less" : "more")"
      if !causes.contains(sentence) { causes.append(sentence) }
    }

    var interval: Interval { Interval(low: low, expected: expected, high: high, causes: causes) }
  }
}

extension Journal {
  /// What bitsandbytes' 4-bit products borrow in forward: the whole weight, and its scales where they are quantized.
  var dequantizedInForward: Set<Journal.ID> {
    var ids: Set<Journal.ID> = []
    for (index, entry) in entries.enumerated() where entry.account == .workspace {
      guard [".dequantized", ".absmax.shifted"].contains(where: entry.name.hasSuffix) else { continue }
      let label = clock.label(of: entry.opened)
      if label.holds("forward.") || label.holds("recompute.") { ids.insert(ID(index: index)) }
    }
    return ids
  }
}
