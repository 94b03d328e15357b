/// A count of bytes: exact, and never a floating-point number.
///
/// People read GiB (2^30), machines read the integer: ``description`` prints the first, ``count`` is the second.
public struct Bytes: Hashable, Comparable, Sendable {
  public var count: Int

  public init(_ count: Int) { self.count = count }

  public static let zero = Bytes(0)
  public static let kibi = Bytes(1 << 10)
  public static let mebi = Bytes(1 << 20)
  public static let gibi = Bytes(1 << 30)

  public static func < (left: Bytes, right: Bytes) -> Bool { left.count < right.count }
}

extension Bytes: AdditiveArithmetic {
  public static func + (left: Bytes, right: Bytes) -> Bytes { Bytes(left.count + right.count) }
  public static func - (left: Bytes, right: Bytes) -> Bytes { Bytes(left.count - right.count) }
  public static func * (times: Int, right: Bytes) -> Bytes { Bytes(times * right.count) }

  /// The smallest multiple of `granule` that holds these bytes.
  public func rounded(upTo granule: Bytes) -> Bytes {
    precondition(granule.count > 0, "a granule of \(granule.count) bytes rounds nothing")
    return Bytes((count + granule.count - 1) / granule.count * granule.count)
  }
}

extension Bytes: CustomStringConvertible {
  /// GiB with two decimals, or the largest smaller binary unit that leaves a figure worth reading.
  public var description: String {
    let magnitude = count.magnitude
    if magnitude >= 1 << 30 / 10 { return gibibytes(decimals: 2) + " GiB" }
    if magnitude >= 1 << 20 { return Fixed.text(Double(count) / Double(1 << 20), decimals: 1) + " MiB" }
    if magnitude >= 1 << 10 { return Fixed.text(Double(count) / Double(1 << 10), decimals: 1) + " KiB" }
    return "\(count) B"
  }

  /// The figure alone in GiB, for table columns whose header names the unit.
  public func gibibytes(decimals: Int = 2) -> String {
    Fixed.text(Double(count) / Double(1 << 30), decimals: decimals)
  }

  /// The figure alone in MiB, for table columns whose header names the unit.
  public func mebibytes(decimals: Int = 1) -> String {
    Fixed.text(Double(count) / Double(1 << 20), decimals: decimals)
  }
}

extension Bytes: Codable {
  public init(from decoder: any Decoder) throws { self.init(try decoder.singleValueContainer().decode(Int.self)) }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(count)
  }
}
