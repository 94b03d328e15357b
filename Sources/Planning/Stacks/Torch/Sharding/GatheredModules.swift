import Bookkeeping
import Modeling

/// DeepSpeed's way with weights, stage 3: each module's are gathered when it runs and let go when it has, unless it runs
/// again soon; some that come next are gathered ahead.
///
/// Which modules run in which order is seen in a first pass over the step and known from then on.
/// Source: deepspeed/runtime/zero/partitioned_param_coordinator.py at 0.19 (`_fetch_sub_module_impl`,
/// `__params_to_release`) and partition_parameters.py (`AllGatherCoalescedHandle`).
struct GatheredModules {
  let prefetchBucket: Int
  let maximumLive: Int
  let maximumReuse: Int
  /// The units that a micro-batch uses, in order, forward, recomputed and backward; empty in the first pass.
  let trace: [Int]

  /// The uses seen so far in this micro-batch.
  var uses: [Int] = []
  /// How far in the trace parameters have been looked at to be gathered ahead.
  var cursor = 0
  /// Elements gathered or on their way.
  var live = 0
  /// Of each unit, the last use that it is gathered for.
  var gatheredFor: [Int: Int] = [:]
  /// What is on its way together, with the buffer it arrives in.
  var flights: [Int: Int] = [:]
  var buffers: [Int: (tensor: Tensor, units: [Int])] = [:]
  var flightCount = 0
}

extension Tape {
  /// Makes the weights of a module whole, and sends for some of those that come next.
  mutating func fetch(_ unit: Int) {
    guard !isStopped, var modules = sharding.modules else { return }
    let use = modules.uses.count
    modules.uses.append(unit)
    sharding.modules = modules
    if let flight = modules.flights[unit] {
      land(flight)
    } else if sharding.units[unit].whole == nil {
      open(unit)
      sharding.modules?.live += sharding.units[unit].count
    }
    gatherAhead(from: use)
  }

  /// Lets a module's weights go, unless they are used again before so many other elements are.
  mutating func dismiss(_ unit: Int) {
    guard !isStopped, let modules = sharding.modules, let whole = sharding.units[unit].whole else { return }
    let next = modules.uses.count
    if !modules.trace.isEmpty {
      if modules.gatheredFor[unit] ?? 0 >= next { return }
      var traversed = 0
      var index = next
      while index < modules.trace.count, traversed < modules.maximumReuse {
        if modules.trace[index] == unit { return }
        traversed += sharding.units[modules.trace[index]].count
        index += 1
      }
    }
    drop(whole)
    sharding.units[unit].whole = nil
    sharding.modules?.live -= sharding.units[unit].count
  }

  /// The end of a micro-batch: everything is let go.
  mutating func endModules() {
    guard let modules = sharding.modules else { return }
    for flight in modules.buffers.keys.sorted() { land(flight) }
    for unit in sharding.units.indices {
      guard let whole = sharding.units[unit].whole else { continue }
      drop(whole)
      sharding.units[unit].whole = nil
    }
    sharding.seenTrace = modules.uses
    sharding.modules = GatheredModules(
      prefetchBucket: modules.prefetchBucket, maximumLive: modules.maximumLive, maximumReuse: modules.maximumReuse,
      trace: modules.trace)
  }

  private mutating func gatherAhead(from use: Int) {
    guard var modules = sharding.modules, use < modules.trace.count else { return }
    modules.cursor = max(modules.cursor, use + 1)
    let most = min(modules.maximumLive - modules.live, modules.prefetchBucket)
    var units: [Int] = []
    var count = 0
    while modules.cursor < modules.trace.count, count < most {
      let unit = modules.trace[modules.cursor]
      modules.gatheredFor[unit] = modules.cursor
      modules.cursor += 1
      guard sharding.units[unit].whole == nil, modules.flights[unit] == nil, !units.contains(unit) else { continue }
      units.append(unit)
      count += sharding.units[unit].count
    }
    modules.live += count
    sharding.modules = modules
    guard !units.isEmpty else { return }
    if units.count == 1 {
      open(units[0])
      return
    }
    let elements = units.reduce(0) { $0 + sharding.units[$1].paddedCount }
    let buffer = openNamed(
      "zero.gathered.\(modules.flightCount)", [elements], sharding.units[units[0]].formats.gathered, .weights)
    for unit in units { sharding.modules?.flights[unit] = modules.flightCount }
    sharding.modules?.buffers[modules.flightCount] = (buffer, units)
    sharding.modules?.flightCount += 1
  }

  /// Takes what has arrived together apart, parameter by parameter.
  private mutating func land(_ flight: Int) {
    guard let (buffer, units) = sharding.modules?.buffers.removeValue(forKey: flight) else { return }
    for unit in units {
      open(unit)
      sharding.modules?.flights.removeValue(forKey: unit)
    }
    drop(buffer)
  }

  private mutating func open(_ unit: Int) {
    let state = sharding.units[unit]
    let whole = openNamed(state.name + ".gathered", [state.paddedCount], state.formats.gathered, state.account)
    sharding.units[unit].whole = whole
  }
}
