/// Why a measurement is not predicted: never a guess instead.
public struct Refusal: Error, Hashable, CustomStringConvertible {
  /// What stands in the way.
  public enum Reason: String, CaseIterable, Hashable, Sendable {
    /// An architecture that is neither known nor described by the row.
    case model
    case method
    case targets
    case quantization
    case optimizer
    case sharding
    case software
    /// Batch, length or another setting without which there is nothing to plan.
    case missingSetting = "missing setting"
    /// Settings that contradict each other.
    case recipe
    /// The planner has no rule for a part of the step.
    case notModeled = "not modeled"

    public var title: String {
      switch self {
      case .model: "the model is not known"
      case .method: "the method is not modeled"
      case .targets: "the adapters' places are not known"
      case .quantization: "the quantization is not modeled"
      case .optimizer: "the optimizer is not modeled"
      case .sharding: "the sharding is not modeled"
      case .software: "the software is not modeled"
      case .missingSetting: "a setting is missing"
      case .recipe: "the settings contradict each other"
      case .notModeled: "a part of the step has no rule"
      }
    }
  }

  public let reason: Reason
  /// What exactly, as half a sentence.
  public let text: String

  public init(_ reason: Reason, _ text: String) {
    self.reason = reason
    self.text = text
  }

  public var description: String { "\(reason.title): \(text)" }
}
