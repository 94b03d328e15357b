package import Bookkeeping
package import Modeling

/// An optimizer's books on parameters of any shapes, without a model around them.
package struct OptimizerSketch {
  /// A parameter, in a layer of the decoder or outside.
  package struct Parameter {
    package let name: String
    package let shape: Shape
    package let format: ScalarFormat
    package let layer: Int?

    package init(_ name: String, _ shape: Shape, _ format: ScalarFormat, layer: Int? = 0) {
      self.name = name
      self.shape = shape
      self.format = format
      self.layer = layer
    }
  }

  /// What is kept between steps.
  package private(set) var states: [Entry] = []
  /// What is opened (positive) and closed (negative) while the step runs, in bytes and in order; the norms that clipping
  /// takes are left out.
  package private(set) var events: [Int] = []
  /// Bytes of paged states.
  package private(set) var outside = Bytes.zero

  package var stateBytes: Int { states.reduce(0) { $0 + $1.bytes.count } }

  /// The most that is borrowed at once.
  package var peak: Int {
    var live = 0
    return events.reduce(0) { peak, bytes in
      live += bytes
      return max(peak, live)
    }
  }

  /// Runs one step of `optimizer` on `parameters` that all have a gradient.
  package init(
    _ optimizer: Optimizer, _ parameters: [Parameter], headElements: Int = 1, isFirstStep: Bool = false
  ) {
    let layers = 1 + (parameters.compactMap(\.layer).max() ?? 0)
    var tape = Tape(clock: StepClock(layers: layers, accumulation: 1, usesGradientCheckpointing: false))
    for parameter in parameters {
      tape.layer = parameter.layer
      _ = tape.openParameter(parameter.name, parameter.shape, parameter.format, .weights, trains: true)
    }
    tape.layer = nil
    let torch = TorchOptimizer(optimizer, headElements: headElements, isFirstStep: isFirstStep)
    var outsideIDs = torch.prepare(&tape)
    for index in tape.leaves.indices {
      let leaf = tape.leaves[index].tensor
      tape.leaves[index].gradient = tape.openNamed(
        TensorName.gradient(of: leaf.name), leaf.shape, leaf.format, .gradients)
    }
    let start = tape.journal.events.count
    if optimizer.kind.updatesInBackward {
      for index in tape.leaves.indices { tape.gradientHook?(&tape, index) }
    }
    outsideIDs.formUnion(torch.step(&tape))
    let journal = tape.journal
    states = journal.entries.filter { $0.account == .optimizerState }
    outside = outsideIDs.reduce(Bytes.zero) { $0 + journal.bytes(of: $1) }
    events = journal.events[start...].compactMap { event in
      switch event {
      case .advance: nil
      case .open(let id): OptimizerSketch.size(of: id, in: journal)
      case .close(let id): OptimizerSketch.size(of: id, in: journal).map { -$0 }
      }
    }
  }

  private static func size(of id: Journal.ID, in journal: Journal) -> Int? {
    let entry = journal.entries[id.index]
    guard entry.account == .workspace || entry.account == .gradients else { return nil }
    return entry.name.hasSuffix("norm") ? nil : entry.bytes.count
  }
}
