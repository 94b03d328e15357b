public import Bookkeeping

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A bound on this process's memory that the system enforces: beyond it, mapping memory fails.
public enum MemoryLimit: String, Hashable, Sendable {
  /// `RLIMIT_AS`: all address space, touched or not, mapped files and libraries included. More than what is resident.
  case addressSpace = "RLIMIT_AS"
  /// `RLIMIT_DATA`: private writable memory, so that files mapped for reading stay out of it.
  case data = "RLIMIT_DATA"

  /// What this process takes of it now.
  public func use() throws(MachineError) -> Bytes {
    #if canImport(Darwin)
      try ResidentSet.read().current
    #else
      let file = "/proc/self/status"
      return try KernelTable.required(
        self == .addressSpace ? "VmSize" : "VmData", in: KernelFile.text(at: file), file: file)
    #endif
  }

  /// Lowers the limit for good: soft and hard, so that this process cannot raise it again.
  ///
  /// - Throws: `MachineError.callFailed` where the system refuses; macOS accepts these limits and enforces neither, so
  ///   there it is always refused.
  public func enforce(_ bytes: Bytes) throws(MachineError) {
    #if canImport(Darwin)
      throw .callFailed(name: "setrlimit \(rawValue)", code: ENOTSUP)
    #else
      var limit = rlimit(rlim_cur: rlim_t(clamping: bytes.count), rlim_max: rlim_t(clamping: bytes.count))
      let resource = self == .addressSpace ? RLIMIT_AS : RLIMIT_DATA
      guard setrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else {
        throw .callFailed(name: "setrlimit \(rawValue)", code: errno)
      }
    #endif
  }
}
