public import Bookkeeping

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The host's memory at one moment, and how much of it a run may take.
public struct HostMemory: Hashable, Sendable {
  /// Who says where the end is.
  public enum Cause: String, Hashable, Sendable, Codable, CaseIterable {
    /// The machine itself: memory not in use by anyone.
    case kernel
    /// A control group (container, service, batch job) of this process, or an ancestor of it.
    case cgroup
    /// `RLIMIT_AS` (`ulimit -v`): address space, reserved or touched.
    case addressSpaceLimit = "address_space_limit"
    /// `RLIMIT_DATA` (`ulimit -d`): private writable memory.
    case dataLimit = "data_limit"
  }

  /// One boundary and how far away it is.
  public struct Limit: Hashable, Sendable {
    public let cause: Cause
    public let limit: Bytes
    public let use: Bytes

    public init(cause: Cause, limit: Bytes, use: Bytes) {
      self.cause = cause
      self.limit = limit
      self.use = use
    }

    /// What is left before the boundary; zero when it is already crossed.
    public var remaining: Bytes { max(.zero, Bytes(limit.count.saturatingDifference(use.count))) }
  }

  /// Memory of the machine as the kernel counts it.
  public let installed: Bytes
  /// What the kernel could give to new work now without swapping.
  public let available: Bytes
  /// hwloc's total, the sum over NUMA nodes; kept for comparison, never used.
  ///
  /// On virtual machines whose memory was plugged in after boot it can be far too low.
  public let topologyTotal: Bytes?
  /// Every boundary that applies: the kernel's first, then control groups from the process's own up, then the
  /// process's own limits.
  public let limits: [Limit]

  public init(installed: Bytes, available: Bytes, topologyTotal: Bytes? = nil, furtherLimits: [Limit] = []) {
    self.installed = installed
    self.available = available
    self.topologyTotal = topologyTotal
    let kernel = Limit(
      cause: .kernel, limit: installed, use: Bytes(installed.count.saturatingDifference(available.count)))
    self.limits = [kernel] + furtherLimits
  }

  /// What a run may take now on top of what this process already has: the least that any limit leaves.
  public var usable: Bytes { nearest.remaining }

  /// Whose limit ``usable`` is; of equals, the first of ``limits``.
  public var cause: Cause { nearest.cause }

  private var nearest: Limit {
    // `limits` always holds the kernel's, so the fallback never speaks.
    limits.min { $0.remaining < $1.remaining } ?? Limit(cause: .kernel, limit: available, use: .zero)
  }

  /// What a reader of the figures should know; empty when there is nothing to say.
  public var notes: [String] {
    guard let topologyTotal, topologyTotal.count < installed.count / 100 * 95 else { return [] }
    return ["hwloc counts \(topologyTotal) of memory, the kernel \(installed): the kernel's figure is used"]
  }

  /// The figures of now.
  ///
  /// - Parameter topologyTotal: ``Topology/totalMemory``, for comparison.
  public static func read(topologyTotal: Bytes? = nil) throws(MachineError) -> HostMemory {
    let kernel = try KernelMemory.read()
    var limits: [Limit] = []
    for group in ControlGroup.current(governing: "memory") {
      for level in try ControlGroupMemory.levels(of: group) {
        limits.append(Limit(cause: .cgroup, limit: level.limit, use: level.use))
      }
    }
    limits += try processLimits()
    return HostMemory(
      installed: kernel.total, available: kernel.available, topologyTotal: topologyTotal, furtherLimits: limits)
  }

  #if canImport(Darwin)
    /// macOS accepts `RLIMIT_AS` and `RLIMIT_DATA` and enforces neither on mapped memory.
    private static func processLimits() throws(MachineError) -> [Limit] { [] }
  #else
    private static func processLimits() throws(MachineError) -> [Limit] {
      let addressSpace = try softLimit(RLIMIT_AS, name: "RLIMIT_AS")
      let data = try softLimit(RLIMIT_DATA, name: "RLIMIT_DATA")
      guard addressSpace != nil || data != nil else { return [] }
      let file = "/proc/self/status"
      let status = try KernelFile.text(at: file)
      var limits: [Limit] = []
      if let addressSpace {
        let use = try KernelTable.required("VmSize", in: status, file: file)
        limits.append(Limit(cause: .addressSpaceLimit, limit: addressSpace, use: use))
      }
      if let data {
        let use = try KernelTable.required("VmData", in: status, file: file)
        limits.append(Limit(cause: .dataLimit, limit: data, use: use))
      }
      return limits
    }

    /// A resource's soft limit, the one that is enforced; `nil` for none.
    private static func softLimit(_ resource: __rlimit_resource, name: String) throws(MachineError) -> Bytes? {
      var limit = rlimit()
      guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else {
        throw .callFailed(name: "getrlimit \(name)", code: errno)
      }
      return Int(exactly: limit.rlim_cur).map { Bytes($0) }
    }
  #endif
}

extension Int {
  /// `self − other`, kept at the ends of the range instead of trapping there.
  fileprivate func saturatingDifference(_ other: Int) -> Int {
    let (difference, overflow) = subtractingReportingOverflow(other)
    guard overflow else { return difference }
    return other < 0 ? .max : .min
  }
}
