#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// How often this process touched a page that was not there, since its start.
public struct PageFaults: Hashable, Sendable {
  /// Faults served without input or output: first touches of fresh memory, mostly.
  public let minor: Int
  /// Faults that waited for a disk: swap, or a mapped file.
  public let major: Int

  public init(minor: Int, major: Int) {
    self.minor = minor
    self.major = major
  }

  /// The counts of now (getrusage(2): `ru_minflt`, `ru_majflt`).
  public static func read() throws(MachineError) -> PageFaults {
    var usage = rusage()
    #if canImport(Darwin)
      let whose = RUSAGE_SELF
    #else
      let whose = __rusage_who_t(RUSAGE_SELF.rawValue)
    #endif
    guard getrusage(whose, &usage) == 0 else { throw .callFailed(name: "getrusage", code: errno) }
    return PageFaults(minor: usage.ru_minflt, major: usage.ru_majflt)
  }

  /// The faults between two readings.
  public static func - (later: PageFaults, earlier: PageFaults) -> PageFaults {
    PageFaults(minor: later.minor - earlier.minor, major: later.major - earlier.major)
  }
}
