import Bookkeeping
import Modeling
public import Planning

extension Verdict {
  /// The verdict in one sentence, no surer than the figures are.
  public var sentence: String {
    "\(plan.spec.name) with \(plan.recipe.method.title) \(claim) \(place): \(need), \(margin)"
  }

  private var claim: String {
    switch (answer, fitsAsExpected) {
    case (.yes, _): "fits"
    case (.no, _): "does not fit"
    case (.uncertain, true): "probably fits"
    case (.uncertain, false): "probably does not fit"
    }
  }

  private var place: String {
    if let device = plan.target { return "on the \(device.title) (\(Phrase.size(budget)))" }
    return "in \(Phrase.size(budget))"
  }

  private var need: String {
    let device = plan.device
    guard !device.isExact else { return "\(device.expected) needed at the peak" }
    return "\(device.expected) expected at the peak (\(device.low) to \(device.high))"
  }

  private var margin: String {
    let expected = Verdict.margin(headroom)
    let lowest = budget - plan.device.low
    let highest = budget - plan.device.high
    if plan.device.isExact { return expected }
    return switch answer {
    case .yes: "\(expected), at least \(highest)"
    case .no: "\(expected), at least \(Bytes(-lowest.count))"
    case .uncertain:
      fitsAsExpected
        ? "\(expected), at worst \(Verdict.margin(highest))" : "\(expected), at best \(Verdict.margin(lowest))"
    }
  }

  private static func margin(_ bytes: Bytes) -> String {
    bytes < .zero ? "\(Bytes(-bytes.count)) too much" : "\(bytes) to spare"
  }
}

extension Remedy {
  /// What a change does, in a few words.
  func sentence(budget: Bytes) -> String {
    let outcome = suffices ? "\(device.expected), which fits" : "\(device.expected)"
    return "saves \(saved): \(outcome); \(reason)"
  }
}

extension Remedies {
  /// How far the recipe can be stretched within the budget; `nil` where not even one token fits.
  var stretch: String? {
    let sequence = largestSequence.map { "the longest sequence that fits is \(Fixed.grouped($0)) tokens" }
    let batch = largestMicroBatch.map { "the largest micro-batch that fits is \(Phrase.count($0, "sequence"))" }
    let parts = [sequence, batch].compactMap(\.self)
    guard !parts.isEmpty else { return nil }
    return "Everything else as it is, \(parts.joined(separator: "; "))."
  }
}
