public import Bookkeeping

/// The processor as the engine sees it: what the machine has, and what this process may use of it.
public struct Processor: Hashable, Sendable, Codable {
  /// Caches of one level and size, over the whole machine.
  public struct Cache: Hashable, Sendable, Codable {
    /// 1 (data or unified, never instructions alone), 2 or 3.
    public let level: Int
    /// The size of each.
    public let size: Bytes
    /// How many of this level and size there are.
    public let count: Int

    public init(level: Int, size: Bytes, count: Int) {
      self.level = level
      self.size = size
      self.count = count
    }

    /// `L1d`, `L2`, `L3`.
    public var name: String { level == 1 ? "L1d" : "L\(level)" }
  }

  /// The maker's name for the model; `nil` where neither hwloc nor the kernel knows one.
  public let name: String?
  public let packages: Int
  /// Physical cores of the machine.
  public let cores: Int
  /// Hardware threads of the machine (hwloc's processing units).
  public let threads: Int
  /// Physical cores of which this process may use at least one thread, by affinity and cpuset.
  public let allowedCores: Int
  /// Hardware threads that this process may use, by affinity and cpuset.
  public let allowedThreads: Int
  /// Processor time that the control groups grant per time that passes, in processors; `nil` for no limit.
  public let quota: Double?
  public let numaNodes: Int
  /// By level; where cores differ (performance and efficiency), one element for each size, largest first.
  public let caches: [Cache]

  public init(
    name: String?, packages: Int, cores: Int, threads: Int, allowedCores: Int, allowedThreads: Int, quota: Double?,
    numaNodes: Int, caches: [Cache]
  ) {
    self.name = name
    self.packages = packages
    self.cores = cores
    self.threads = threads
    self.allowedCores = allowedCores
    self.allowedThreads = allowedThreads
    self.quota = quota
    self.numaNodes = numaNodes
    self.caches = caches
  }

  /// Worker threads that the engine should start: one for each allowed physical core, at most the quota, at least one.
  ///
  /// The second thread of a core shares its vector units, so it gains nothing in matrix multiplication. A fractional
  /// quota is rounded down: one throttled thread holds up all others at the next barrier.
  public var recommendedThreads: Int {
    guard let quota else { return max(1, allowedCores) }
    return max(1, min(allowedCores, Int(min(quota, 1e6))))
  }

  enum CodingKeys: String, CodingKey {
    case name, packages, cores, threads, quota, caches
    case allowedCores = "allowed_cores"
    case allowedThreads = "allowed_threads"
    case numaNodes = "numa_nodes"
  }
}
