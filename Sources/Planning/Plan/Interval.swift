public import Bookkeeping

/// A figure that can't be known to the byte: what it is at least, most likely and at most, and why.
public struct Interval: Hashable, Sendable, Codable {
  public let low: Bytes
  public let expected: Bytes
  public let high: Bytes
  /// Why ``low`` and ``high`` differ, a sentence each; empty for an exact figure.
  public let causes: [String]

  public init(low: Bytes, expected: Bytes, high: Bytes, causes: [String]) {
    precondition(low <= expected && expected <= high, "an interval runs \(low.count), \(expected.count), \(high.count)")
    self.low = low
    self.expected = expected
    self.high = high
    self.causes = causes
  }

  /// A figure that is known to the byte.
  public init(exactly bytes: Bytes) { self.init(low: bytes, expected: bytes, high: bytes, causes: []) }

  public var isExact: Bool { low == high }

  public static func + (left: Interval, right: Interval) -> Interval {
    Interval(
      low: left.low + right.low, expected: left.expected + right.expected, high: left.high + right.high,
      causes: left.causes + right.causes.filter { !left.causes.contains($0) })
  }
}

extension Interval: CustomStringConvertible {
  public var description: String {
    isExact ? expected.description : "\(expected) (\(low) to \(high))"
  }
}
