public import Bookkeeping

/// The most live bytes of every part of a training process.
///
/// The first step differs from the others: the optimizer's states are not there before it steps.
public struct PhasePeaks: Hashable, Sendable {
  /// One step, part by part.
  public struct Step: Hashable, Sendable {
    /// From the embedding to the final norm.
    public var forward = Bytes.zero
    /// Head and loss, there and back.
    public var loss = Bytes.zero
    /// Layers, recomputations included.
    public var backward = Bytes.zero
    public var optimizer = Bytes.zero

    public var peak: Bytes { max(forward, loss, backward, optimizer) }
  }

  /// Everything before the first step.
  public let load: Bytes
  public let first: Step
  /// Every step after the first.
  public let steady: Step

  /// The most of all.
  public var peak: Bytes { max(load, first.peak, steady.peak) }

  /// Reads the peaks off the tides of a steady step's ledger, by the labels of its moments.
  ///
  /// - Parameter load: the books of loading; `nil` where the step's first moment is all there is to it, and optimizer
  ///   states are made there.
  public init(of ledger: Ledger, load: Ledger?) {
    var steady = Step()
    var part = Part.forward
    for tide in ledger.timeline.dropFirst() {
      // A label that names no part of its own belongs to the part before it.
      part = Part(label: ledger.clock.label(of: tide.moment)) ?? part
      steady[keyPath: part.path] = max(steady[keyPath: part.path], tide.high)
    }
    self.steady = steady
    guard let load else {
      self.load = ledger.timeline.first?.high ?? .zero
      first = steady
      return
    }
    self.load = load.peak.bytes
    let states = ledger.entries.prefix { $0.opened == Moment(0) }.filter(\.isMadeByFirstStep)
      .reduce(Bytes.zero) { $0 + $1.bytes }
    first = Step(
      forward: steady.forward - states, loss: steady.loss - states, backward: steady.backward - states,
      optimizer: steady.optimizer)
  }

  private enum Part {
    case forward, loss, backward, optimizer

    init?(label: String) {
      let words = label.split(separator: ".").drop { $0 == "micro_batch" || $0.allSatisfy(\.isNumber) }
      let (phase, place) = (words.first.map(String.init) ?? "", words.dropFirst().first.map(String.init) ?? "")
      switch (phase, place) {
      case ("forward", "loss"), ("forward", "head"), ("backward", "loss"), ("backward", "head"): self = .loss
      case ("forward", _): self = .forward
      case ("backward", _), ("recompute", _): self = .backward
      case ("optimizer", _), ("zero_grad", _): self = .optimizer
      default: return nil
      }
    }

    var path: WritableKeyPath<Step, Bytes> {
      switch self {
      case .forward: \.forward
      case .loss: \.loss
      case .backward: \.backward
      case .optimizer: \.optimizer
      }
    }
  }
}
