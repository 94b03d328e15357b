/// How fast a step could run on a device: a range, from what the device can do at most.
public struct Roofline: Hashable, Sendable {
  /// Tokens a second, padding included.
  public let low: Double
  public let expected: Double
  public let high: Double
  /// Which efficiencies were taken, a sentence each.
  public let assumptions: [String]
}

extension Plan {
  /// Tokens a second on the device that was planned for; `nil` where none was named.
  public var throughput: Roofline? { nil }
}
