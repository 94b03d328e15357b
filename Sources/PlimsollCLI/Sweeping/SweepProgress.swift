import Bookkeeping

/// Says on standard error how far a sweep is, once it takes longer than a second.
struct SweepProgress: Sendable {
  let total: Int
  /// Of them, those that an archive had already.
  let known: Int
  private(set) var done = 0
  private let start = ContinuousClock.now
  private var told = ContinuousClock.now
  private let tell: @Sendable (String) -> Void

  init(total: Int, known: Int, tell: @escaping @Sendable (String) -> Void) {
    self.total = total
    self.known = known
    self.tell = tell
  }

  mutating func advance() {
    done += 1
    let now = ContinuousClock.now
    guard now - told >= .seconds(1), done < total - known else { return }
    told = now
    let (whole, fraction) = (now - start).components
    let seconds = Double(whole) + Double(fraction) * 1e-18
    let rate = Double(done) / seconds
    let left = Double(total - known - done) / rate
    tell(
      "\(Fixed.grouped(known + done)) of \(Fixed.grouped(total)) points, "
        + (rate >= 1
          ? "\(Fixed.grouped(Int(rate.rounded()))) a second" : "\(Fixed.text(60 * rate, decimals: 1)) a minute")
        + ", \(SweepProgress.time(left)) left")
  }

  private static func time(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 1e9).rounded(.up))
    if whole >= 3600 { return "\(whole / 3600) h \(whole % 3600 / 60) min" }
    return whole >= 60 ? "\(whole / 60) min \(whole % 60) s" : "\(whole) s"
  }
}
