import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Says on standard error how far something is that takes longer than a second, at most once a second.
final class ProgressLine: Sendable {
  private let what: String
  private let last = Mutex(ContinuousClock.now)

  init(_ what: String) { self.what = what }

  @Sendable func report(_ done: Int, _ all: Int) {
    let isDue = last.withLock { last in
      guard ContinuousClock.now - last >= .seconds(1) else { return false }
      last = .now
      return true
    }
    if isDue { StandardError.write("\(what) \(done) of \(all)") }
  }
}

/// The processors that this process may be scheduled on, for work that shares nothing.
enum Processors {
  static var count: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }
}
