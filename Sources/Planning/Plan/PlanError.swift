public import Modeling

/// Why a step could not be planned: never a guess instead.
public enum PlanError: Error, Hashable, CustomStringConvertible {
  /// The stack does something here whose memory has no rule.
  case notModeled(what: String, stack: Stack, advice: String)
  /// A step of so many operations or moments that its books can't be written.
  case tooLarge(what: String, advice: String)

  public var description: String {
    switch self {
    case .notModeled(let what, let stack, let advice):
      "\(what) is not modeled on the \(stack.rawValue) stack: \(advice)"
    case .tooLarge(let what, let advice): "\(what): \(advice)"
    }
  }
}
