public import Bookkeeping

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The memory of this process that is in RAM, now and at its highest.
public struct ResidentSet: Hashable, Sendable {
  /// Resident bytes now: anonymous, file-backed and shared pages.
  public let current: Bytes
  /// The most that was resident since the start, or since the last ``resetPeak()``.
  public let peak: Bytes

  public init(current: Bytes, peak: Bytes) {
    self.current = current
    self.peak = peak
  }

  #if canImport(Darwin)
    /// Reads proc_pid_rusage (`ri_resident_size`) and getrusage (`ru_maxrss`, bytes on macOS).
    ///
    /// The peak is that of the process's whole life: macOS cannot reset it.
    public static func read() throws(MachineError) -> ResidentSet {
      var information = rusage_info_v2()
      let result = withUnsafeMutablePointer(to: &information) { pointer in
        pointer.withMemoryRebound(to: rusage_info_t?.self, capacity: 1) {
          proc_pid_rusage(getpid(), RUSAGE_INFO_V2, $0)
        }
      }
      guard result == 0 else { throw .callFailed(name: "proc_pid_rusage", code: errno) }
      var usage = rusage()
      guard getrusage(RUSAGE_SELF, &usage) == 0 else { throw .callFailed(name: "getrusage", code: errno) }
      let current = Bytes(Int(clamping: information.ri_resident_size))
      return ResidentSet(current: current, peak: max(current, Bytes(Int(usage.ru_maxrss))))
    }

    /// What ``read()`` calls current; macOS keeps one exact counter.
    public static func exactCurrent() throws(MachineError) -> Bytes { try read().current }

    /// Does nothing and returns `false`: macOS keeps the peak of the whole life.
    public static func resetPeak() -> Bool { false }
  #else
    private static let statusFile = "/proc/self/status"

    /// Reads `VmRSS` and `VmHWM` of `/proc/self/status`.
    ///
    /// Many kernels count approximately here (proc_pid_status(5)): up to 64 pages off for each thread before Linux 6.2,
    /// and since kernel commit f1a7941243c1 by a margin that grows with the square of the number of processors.
    /// ``exactCurrent()`` is exact there as well; for the peak there is no exact count.
    public static func read() throws(MachineError) -> ResidentSet {
      try ResidentSet(status: KernelFile.text(at: statusFile))
    }

    /// Reads `Rss` of `/proc/self/smaps_rollup`, counted page by page: exact on every kernel, and slower the more is
    /// mapped.
    ///
    /// Falls back on ``read()`` where the kernel lacks the file (before Linux 4.14) or a sandbox hides it.
    public static func exactCurrent() throws(MachineError) -> Bytes {
      let file = "/proc/self/smaps_rollup"
      guard let text = KernelFile.textIfReadable(at: file) else { return try read().current }
      return try KernelTable.required("Rss", in: text, file: file)
    }

    /// Sets the peak back to what is resident now; `false` when the kernel does not allow it, the peak being then that
    /// of the whole life.
    ///
    /// Writes `5` to `/proc/self/clear_refs` (proc_pid_clear_refs(5), Linux 4.0).
    public static func resetPeak() -> Bool { KernelFile.write("5\n", to: "/proc/self/clear_refs") }

    /// Reads the text of `/proc/self/status`.
    package init(status text: String) throws(MachineError) {
      current = try KernelTable.required("VmRSS", in: text, file: Self.statusFile)
      peak = max(current, try KernelTable.required("VmHWM", in: text, file: Self.statusFile))
    }
  #endif
}
