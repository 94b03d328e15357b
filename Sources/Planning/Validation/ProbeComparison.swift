public import Bookkeeping
import Modeling

/// What a probe measured beside what is planned for the same step, and both carried on to the whole model.
///
/// A phase's bytes are a sum of what every layer adds and what is there but once. So two numbers of layers give the
/// bytes of one layer exactly, and what is left when they are taken off is the fixed part.
public struct ProbeComparison: Sendable {
  public let recording: ProbeRecording
  /// One row for each phase and figure, in the order of the step.
  public let lines: [Line]
  /// The whole model.
  public let whole: Whole

  /// Which of a phase's two readings.
  public enum Figure: String, CaseIterable, Hashable, Sendable {
    /// The most that was live during the phase.
    case peak
    /// What was live when it ended.
    case end
  }

  /// Bytes for a number of layers, measured and planned.
  public struct Pair: Hashable, Sendable {
    public let layers: Int
    public let measured: Bytes
    public let planned: Bytes

    /// What the plan is short of; negative where it has too much.
    public var difference: Bytes { measured - planned }
  }

  /// One figure of one phase.
  public struct Line: Hashable, Sendable {
    public let phase: ProbeRecording.Phase
    public let figure: Figure
    /// By number of layers.
    public let pairs: [Pair]

    /// What one layer adds; `nil` with fewer than two numbers of layers.
    public var perLayer: Pair? { slope(pairs.suffix(2)) }

    /// What is there but once: the figure less its layers.
    public var fixed: Pair? {
      guard let last = pairs.last, let perLayer else { return nil }
      return Pair(
        layers: 0, measured: last.measured - last.layers * perLayer.measured,
        planned: last.planned - last.layers * perLayer.planned)
    }

    /// Whether every layer adds the same; otherwise the peak has moved from one instant of the phase to another.
    public var isEven: Bool {
      zip(pairs, pairs.dropFirst()).allSatisfy { slope([$0, $1])?.measured == perLayer?.measured }
    }

    private func slope(_ pairs: some RandomAccessCollection<Pair>) -> Pair? {
      guard let first = pairs.first, let last = pairs.last, last.layers > first.layers else { return nil }
      let layers = last.layers - first.layers
      return Pair(
        layers: 1, measured: Bytes((last.measured - first.measured).count / layers),
        planned: Bytes((last.planned - first.planned).count / layers))
    }
  }

  /// The step of the whole model, planned, and planned with what the probe found.
  public struct Whole: Hashable, Sendable {
    public let layers: Int
    /// `measured` is the plan's figure with the difference that the probe found, carried on to this depth.
    public let allocated: Pair
    /// `nil` on a CPU.
    public let reserved: Pair?
    /// Reserved bytes and what was used of the device besides; `nil` on a CPU.
    public let device: Bytes?
    /// What the device has.
    public let total: Bytes?

    /// Whether it fits the device that was measured; `nil` on a CPU.
    public var fits: Bool? {
      guard let device, let total else { return nil }
      return device <= total
    }
  }
}

extension ProbeComparison {
  /// Plans what was measured and lays the two side by side.
  public init(_ recording: ProbeRecording) throws(PlanError) {
    let complete = recording.depths.filter(\.isComplete)
    var plans: [ProbePlan] = []
    for depth in complete {
      plans.append(try ProbePlan(recording.settings, layers: depth.layers, on: recording.machine))
    }
    let layers = recording.settings.spec.layerCount
    let plan = try ProbePlan(recording.settings, layers: layers, on: recording.machine)
    let lines = ProbeRecording.Phase.allCases.flatMap { phase in
      // While a model is loaded anything may be borrowed: only what stays is planned.
      (phase == .load ? [.end] : Figure.allCases).map { figure in
        Line(
          phase: phase, figure: figure,
          pairs: zip(complete, plans).compactMap { depth, plan in
            guard let reading = depth.phases[phase] else { return nil }
            let planned = figure == .peak ? plan.peaks[phase] : plan.ends[phase]
            return Pair(
              layers: depth.layers, measured: figure == .peak ? reading.peak : reading.live, planned: planned ?? .zero)
          })
      }
    }
    self.recording = recording
    self.lines = lines
    whole = Whole(plan, lines: lines, measured: complete.last, shallow: plans.last, on: recording.machine)
  }

  /// Parameters that trained in the deepest model measured, and those that the plan trains; `nil` where they agree.
  public var trainableDifference: (measured: Int, planned: Int)? {
    let settings = recording.settings
    guard let deepest = recording.depths.last(where: \.isComplete), let measured = deepest.trainable,
      let spec = settings.spec.withLayers(deepest.layers)
    else { return nil }
    let planned = ParameterCounts(of: spec, method: settings.recipe.method).trainable
    return measured == planned ? nil : (measured, planned)
  }

  /// The peak over all phases, for every number of layers.
  public var peaks: [Pair] {
    (lines.first?.pairs ?? []).indices.compactMap { index in
      let pairs = lines.filter { $0.figure == .peak }.map { $0.pairs[index] }
      guard let layers = pairs.first?.layers, let measured = pairs.map(\.measured).max(),
        let planned = pairs.map(\.planned).max()
      else { return nil }
      return Pair(layers: layers, measured: measured, planned: planned)
    }
  }
}

extension ProbeComparison.Whole {
  /// Which instant of a phase is highest changes with depth, and the plan knows when; so it is not what was measured
  /// that is carried on in a straight line, but what the plan is off by.
  fileprivate init(
    _ plan: ProbePlan, lines: [ProbeComparison.Line], measured: ProbeRecording.Depth?, shallow: ProbePlan?,
    on machine: ProbeRecording.Machine
  ) {
    layers = plan.layers
    total = machine.total
    let peaks = lines.filter { $0.figure == .peak }.map { line in
      let planned = plan.peaks[line.phase] ?? .zero
      guard let last = line.pairs.last else { return planned }
      let further = (plan.layers - last.layers) * (line.perLayer?.difference ?? .zero)
      return planned + last.difference + further
    }
    let allocated = ProbeComparison.Pair(
      layers: plan.layers, measured: peaks.max() ?? plan.peak, planned: plan.peak)
    self.allocated = allocated
    guard let reserved = plan.reserved, let taken = measured?.reserved, let shallow, let before = shallow.reserved,
      let highest = lines.compactMap({ $0.figure == .peak ? $0.pairs.last?.measured : nil }).max()
    else {
      (self.reserved, device) = (nil, nil)
      return
    }
    // What segments hold beyond blocks is no layer's: how far the plan misses it is taken over as it is.
    let slack = (taken - highest) - (before - shallow.peak)
    let carried = max(allocated.measured, allocated.measured + (reserved - plan.peak) + slack)
    self.reserved = ProbeComparison.Pair(layers: plan.layers, measured: carried, planned: reserved)
    device = measured?.outside.map { carried + $0 }
  }
}
