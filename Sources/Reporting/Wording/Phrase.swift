import Bookkeeping

/// Figures as they stand in a sentence.
enum Phrase {
  /// Whole GiB without decimals (`8 GiB`), anything else with.
  static func size(_ bytes: Bytes) -> String {
    let gibi = Bytes.gibi.count
    return bytes.count > 0 && bytes.count.isMultiple(of: gibi) ? "\(bytes.count / gibi) GiB" : bytes.description
  }

  /// MiB whatever the size, where figures are to be compared.
  static func mebibytes(_ bytes: Bytes) -> String { bytes.mebibytes() + " MiB" }

  static func count(_ count: Int, _ noun: String, plural: String? = nil) -> String {
    "\(Fixed.grouped(count)) \(count == 1 ? noun : plural ?? noun + "s")"
  }

  /// A rate with as many digits as can be read at a glance.
  static func rate(_ value: Double) -> String {
    guard value.isFinite, value < 1e15 else { return "–" }
    return value >= 100 ? Fixed.grouped(Int(value.rounded())) : Fixed.text(value, decimals: value >= 10 ? 1 : 2)
  }

  /// A setting without superfluous decimals: `32`, `0.05`, `2e-05`.
  static func number(_ value: Double) -> String {
    guard value == value.rounded(), value.magnitude < 1e15 else { return "\(value)" }
    return "\(Int(value))"
  }
}
