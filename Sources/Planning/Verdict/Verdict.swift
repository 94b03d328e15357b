public import Bookkeeping

/// Whether a plan's step fits a budget of memory.
public struct Verdict: Sendable {
  public enum Answer: String, CaseIterable, Hashable, Sendable, Codable { case yes, no, uncertain }

  public let plan: Plan
  public let budget: Bytes
  /// Yes if even the highest estimate fits, no if not even the lowest does.
  public let answer: Answer

  public static func judge(_ plan: Plan, budget: Bytes) -> Verdict {
    Verdict(plan: plan, budget: budget, answer: answer(plan.device, budget: budget))
  }

  /// Yes if even the highest estimate of device bytes fits, no if not even the lowest does.
  public static func answer(_ device: Interval, budget: Bytes) -> Answer {
    device.high <= budget ? .yes : device.low > budget ? .no : .uncertain
  }

  /// Budget less the expected device bytes; negative where they don't fit.
  public var headroom: Bytes { budget - plan.device.expected }

  /// Whether it fits as far as can be said; where the answer is uncertain, the expected bytes decide.
  public var fitsAsExpected: Bool { plan.device.expected <= budget }

  /// What a process should end with: 0 for a fit, 1 for none.
  public var exitCode: Int32 {
    switch answer {
    case .yes: 0
    case .no: 1
    case .uncertain: fitsAsExpected ? 0 : 1
    }
  }
}
