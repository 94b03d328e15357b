#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Moments written as ISO 8601 in UTC, to the second: `2026-01-31T23:59:59Z`.
package enum Timestamp {
  /// The moment of now.
  static func now() -> String { text(secondsSince1970: Int(time(nil))) }

  /// Writes a count of seconds since 1970-01-01T00:00:00Z, leap seconds left out as POSIX leaves them.
  ///
  /// The calendar repeats every 400 years, which is 146,097 days. Counting years from March puts the leap day last, and
  /// the months from March on then have 153 days in every five.
  package static func text(secondsSince1970 seconds: Int) -> String {
    let (day, second) = seconds.floored(by: 86_400)
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    let (era, dayOfEra) = (day + 719_468).floored(by: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    let dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let date = [padded(year, to: 4), padded(month, to: 2), padded(dayOfMonth, to: 2)].joined(separator: "-")
    let clock = [second / 3600, second / 60 % 60, second % 60].map { padded($0, to: 2) }.joined(separator: ":")
    return date + "T" + clock + "Z"
  }

  private static func padded(_ number: Int, to width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

extension Int {
  /// Quotient and remainder with the remainder never negative.
  fileprivate func floored(by divisor: Int) -> (quotient: Int, remainder: Int) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
