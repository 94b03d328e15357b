import Bookkeeping
import Planning

extension Phrase {
  /// A time in the unit that people would take: `12.3 ms`, `0.61 s`, `14 min`, `3.4 h`, `5.2 days`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e12 else { return "–" }
    switch seconds {
    case ..<0.0995: return Fixed.text(seconds * 1000, decimals: seconds < 0.00995 ? 2 : 1) + " ms"
    case ..<99.5: return Fixed.text(seconds, decimals: seconds < 9.95 ? 2 : 1) + " s"
    case ..<5970: return Fixed.text(seconds / 60, decimals: seconds < 597 ? 1 : 0) + " min"
    case ..<172_800: return Fixed.text(seconds / 3600, decimals: 1) + " h"
    default: return Fixed.text(seconds / 86_400, decimals: 1) + " days"
    }
  }

  /// `0.61 s (0.53 s to 1.13 s)`.
  static func range(_ seconds: Seconds) -> String {
    "\(duration(seconds.expected)) (\(duration(seconds.low)) to \(duration(seconds.high)))"
  }

  /// A count in three digits and a letter: `40.0 M`, `6.74 B`.
  static func short(_ count: Int) -> String {
    let value = Double(count)
    for (scale, letter) in [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")] where value >= scale * 0.9995 {
      let figure = value / scale
      return Fixed.text(figure, decimals: figure < 9.995 ? 2 : figure < 99.95 ? 1 : 0) + " " + letter
    }
    return "\(count)"
  }
}
