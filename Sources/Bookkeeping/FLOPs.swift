/// A count of floating-point operations: exact, a multiply-add counted as two.
public struct FLOPs: Hashable, Comparable, Sendable {
  public var count: Int

  public init(_ count: Int) { self.count = count }

  public static let zero = FLOPs(0)

  /// Operations of a product of an `m`×`k` and a `k`×`n` matrix.
  public static func matrixProduct(_ m: Int, _ n: Int, _ k: Int) -> FLOPs { FLOPs(2 * m * n * k) }

  public static func < (left: FLOPs, right: FLOPs) -> Bool { left.count < right.count }
}

extension FLOPs: AdditiveArithmetic {
  public static func + (left: FLOPs, right: FLOPs) -> FLOPs { FLOPs(left.count + right.count) }
  public static func - (left: FLOPs, right: FLOPs) -> FLOPs { FLOPs(left.count - right.count) }
  public static func * (times: Int, right: FLOPs) -> FLOPs { FLOPs(times * right.count) }
}

extension FLOPs: CustomStringConvertible {
  public var description: String {
    let units = [(1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP")]
    for (scale, unit) in units where Double(count) >= scale {
      return Fixed.text(Double(count) / scale, decimals: 2) + " " + unit
    }
    return "\(count) FLOP"
  }
}

extension FLOPs: Codable {
  public init(from decoder: any Decoder) throws { self.init(try decoder.singleValueContainer().decode(Int.self)) }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(count)
  }
}
