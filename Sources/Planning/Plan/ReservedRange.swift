import Bookkeeping
import Modeling

/// What the caching allocator reserves where the recipe leaves it open: the same process replayed in other ways.
struct ReservedRange {
  let allocated: Interval
  let reserved: Interval

  /// A way in which a process may differ, and what to say where that makes a difference.
  private struct Change {
    let cause: String
    let steps: [AllocationTrace]
    let replay: ProcessReplay
    let variation: ProcessReplay.Variation
  }

  /// - Parameters:
  ///   - walk: the step, at its longest.
  ///   - orders: seeded orders of steps of different lengths, the expected one first; of one length, a single one.
  ///   - replay: the process as expected.
  ///   - device: what the step runs on, where it is known.
  init(
    _ walk: TorchWalk.Result, _ recipe: Recipe, orders: [[AllocationTrace]], _ replay: ProcessReplay, on device: Device?
  ) {
    let usual = replay.rules.usual
    let steps = orders.first ?? []
    let free = replay.peaks(of: steps, usual).whole
    let limited = ReservedRange.limited(free, steps, walk.rules, recipe, on: device)
    let expected = limited ?? free
    var (allocated, reserved) = (Range(expected.allocated), Range(expected.reserved))
    if limited != nil {
      reserved.take(
        free.reserved,
        because:
          "where the device is full, the allocator gives cached segments back and tries again; without that limit")
    }
    for order in orders.dropFirst() {
      let peaks = replay.peaks(of: order, usual).whole
      let cause =
        "lengths differ from step to step, and with their order the holes between cached blocks "
        + "(seeded orders of \(order.count) steps)"
      allocated.take(peaks.allocated, because: cause)
      reserved.take(peaks.reserved, because: cause)
    }
    for change in ReservedRange.changes(walk, recipe, steps, replay, usual) {
      let peaks = change.replay.peaks(of: change.steps, change.variation).whole
      allocated.take(peaks.allocated, because: change.cause)
      reserved.take(peaks.reserved, because: change.cause)
    }
    self.allocated = allocated.interval
    self.reserved = reserved.interval
  }

  /// The same process on the device itself, where it would take more than there is: cached segments go back to the
  /// driver before a request fails (c10/cuda/CUDACachingAllocator.cpp, `release_cached_blocks`).
  ///
  /// - Returns: `nil` where the device is large enough or not known, and where even that does not help.
  static func limited(
    _ free: CachingAllocator.Peaks, _ steps: [AllocationTrace], _ rules: LoadRules, _ recipe: Recipe,
    on device: Device?
  ) -> CachingAllocator.Peaks? {
    guard let room = device?.memoryForTensors(devices: recipe.parallelism.devices), room < free.reserved else {
      return nil
    }
    let peaks = ProcessReplay(rules, recipe.runtime, capacity: room).peaks(of: steps, rules.usual)
    return peaks.ranOut ? nil : peaks.whole
  }

  private static func changes(
    _ walk: TorchWalk.Result, _ recipe: Recipe, _ steps: [AllocationTrace], _ replay: ProcessReplay,
    _ usual: ProcessReplay.Variation
  ) -> [Change] {
    let isVaried = recipe.batch.lengths?.isConstant == false
    func change(_ cause: String, _ edit: (inout ProcessReplay.Variation) -> Void) -> Change {
      var variation = usual
      edit(&variation)
      return Change(cause: cause, steps: steps, replay: replay, variation: variation)
    }
    var list = [
      change(
        usual.warmsUp
          ? "weights may be loaded one by one, without the loader's one large block"
          : "the loader may take one block as large as the model first, and cut weights from it"
      ) { $0.warmsUp.toggle() },
      change("the cache may be emptied after the first step") { $0.emptiesAfterFirst = true },
    ]
    if !isVaried, let step = steps.first {
      list.append(
        Change(
          cause: "later steps may find the cached segments in another order",
          steps: Array(repeating: step, count: 4), replay: replay, variation: usual))
    }
    if walk.rules.isQuantized {
      list.append(
        change("weights may be quantized before they come to the device, and leave no segments behind") {
          $0.loadsElsewhere = true
        })
    }
    let borrowed = walk.journal.dequantizedInForward
    if !isVaried, recipe.batch.tokens <= ReservedRange.fusedTokens, !borrowed.isEmpty {
      let trace = AllocationTrace(walk.journal, excluded: walk.outsideEntries.union(borrowed), rules: walk.rules)
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
  fileprivate var dequantizedInForward: Set<Journal.ID> {
    var ids: Set<Journal.ID> = []
    for (index, entry) in entries.enumerated() where entry.account == .workspace {
      guard [".dequantized", ".absmax.shifted"].contains(where: entry.name.hasSuffix) else { continue }
      let label = clock.label(of: entry.opened)
      if label.contains("forward.") || label.contains("recompute.") { ids.insert(ID(index: index)) }
    }
    return ids
  }
}
