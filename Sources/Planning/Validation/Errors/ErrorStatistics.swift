/// Errors of many predictions in a few figures, all shares of one.
public struct ErrorStatistics: Hashable, Sendable {
  public let count: Int
  /// Of absolute errors: the middle one, the mean, the one that nine of ten stay below, the largest.
  public let median, mean, p90, worst: Double
  /// The mean of signed errors: above zero where plans are too large.
  public let bias: Double

  /// - Returns: `nil` where there is nothing to count.
  public init?(_ errors: [Double]) {
    guard !errors.isEmpty else { return nil }
    let sizes = errors.map(abs).sorted()
    count = errors.count
    median = ErrorStatistics.quantile(sizes, 0.5)
    mean = sizes.reduce(0, +) / Double(count)
    p90 = ErrorStatistics.quantile(sizes, 0.9)
    worst = sizes.last ?? 0
    bias = errors.reduce(0, +) / Double(count)
  }

  /// The value that a share of `sorted` values stays below, between two neighbors in proportion
  /// (Hyndman and Fan 1996, definition 7).
  static func quantile(_ sorted: [Double], _ share: Double) -> Double {
    guard let last = sorted.last else { return 0 }
    let place = share * Double(sorted.count - 1)
    let lower = Int(place)
    guard lower + 1 < sorted.count else { return last }
    return sorted[lower] + (place - Double(lower)) * (sorted[lower + 1] - sorted[lower])
  }

  /// The middle of signed errors, and a standard deviation that outliers don't stretch: 1.4826 times the middle distance
  /// from it (Rousseeuw and Croux 1993), which is that of a normal distribution.
  static func robust(_ errors: [Double]) -> (center: Double, deviation: Double) {
    let center = quantile(errors.sorted(), 0.5)
    return (center, 1.4826 * quantile(errors.map { abs($0 - center) }.sorted(), 0.5))
  }
}
