/// Decimal text with a fixed number of places, the same on every machine and in every locale.
public enum Fixed {
  /// `value` with exactly `decimals` places (0 to 9), ties away from zero; "–" for what is no number.
  public static func text(_ value: Double, decimals: Int) -> String {
    precondition((0...9).contains(decimals), "\(decimals) decimals were asked for: 0 to 9 can be printed")
    guard value.isFinite else { return "–" }
    var scale = 1
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value.magnitude * Double(scale)).rounded()
    guard scaled < Double(Int.max) else { return "\(value)" }
    let units = Int(scaled)
    let sign = value < 0 && units != 0 ? "-" : ""
    guard decimals > 0 else { return sign + "\(units)" }
    let fraction = String(units % scale)
    return sign + "\(units / scale)." + String(repeating: "0", count: decimals - fraction.count) + fraction
  }

  /// An integer with its digits in groups of three: `134,515,008`.
  public static func grouped(_ value: Int) -> String {
    let digits = Array(String(value.magnitude))
    var text = value < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return text
  }
}
