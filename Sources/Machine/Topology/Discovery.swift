import Bookkeeping
import CHwloc

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A loaded hwloc topology while its facts are read off; ``Topology`` takes over the handle at the end.
struct Discovery: ~Copyable {
  private let handle: hwloc_topology_t

  private init(owning handle: hwloc_topology_t) { self.handle = handle }

  /// Discovers a machine.
  ///
  /// - Parameter description: a synthetic one; `nil` for this one.
  static func machine(synthetic description: String?) throws(MachineError) -> Discovery {
    var created: hwloc_topology_t?
    guard hwloc_topology_init(&created) == 0, let created else {
      throw .topologyUnavailable(step: "hwloc_topology_init", code: errno)
    }
    let discovery = Discovery(owning: created)
    // Cores that this process may not use are counted as the machine's, then set apart in `allowedThreads`; and
    // discovery must not move this thread from core to core to look at each.
    let flags = UInt(HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED.rawValue | HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING.rawValue)
    guard hwloc_topology_set_flags(discovery.handle, flags) == 0 else {
      throw .topologyUnavailable(step: "hwloc_topology_set_flags", code: errno)
    }
    if let description, hwloc_topology_set_synthetic(discovery.handle, description) != 0 {
      throw .topologyUnavailable(step: "hwloc_topology_set_synthetic", code: errno)
    }
    guard hwloc_topology_load(discovery.handle) == 0 else {
      throw .topologyUnavailable(step: "hwloc_topology_load", code: errno)
    }
    return discovery
  }

  deinit { hwloc_topology_destroy(handle) }

  /// Hands the topology over to be destroyed elsewhere.
  consuming func release() -> hwloc_topology_t {
    let handle = handle
    discard self
    return handle
  }

  /// The hardware threads in both the cpuset and the affinity mask of this process.
  func allowedThreads() throws(MachineError) -> CoreSet {
    let allowed = try CoreSet()
    // Fails where the system has no affinity (macOS): then everything is allowed.
    if hwloc_get_cpubind(handle, allowed.bitmap, Int32(HWLOC_CPUBIND_PROCESS.rawValue)) != 0 || allowed.isEmpty {
      hwloc_bitmap_fill(allowed.bitmap)
    }
    hwloc_bitmap_and(allowed.bitmap, allowed.bitmap, hwloc_topology_get_allowed_cpuset(handle))
    return allowed
  }

  var totalMemory: Bytes { Bytes(Int(clamping: hwloc_get_root_obj(handle).pointee.total_memory)) }

  func processor(allowed: borrowing CoreSet, quota: Double?, isThisMachine: Bool) -> Processor {
    let threads = count(HWLOC_OBJ_PU)
    let known = isThisMachine ? model ?? ProcessorName.fromKernel() : nil
    // Some virtual machines show threads and no cores: each thread is then the best guess at a core.
    let coreType = count(HWLOC_OBJ_CORE) > 0 ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU
    return Processor(
      name: known,
      packages: max(1, count(HWLOC_OBJ_PACKAGE)),
      cores: count(coreType),
      threads: threads,
      allowedCores: Topology.objects(coreType, in: handle, meeting: allowed.bitmap).count,
      allowedThreads: allowed.count,
      quota: quota,
      numaNodes: max(1, count(HWLOC_OBJ_NUMANODE)),
      caches: caches)
  }

  private var model: String? {
    guard let package = hwloc_get_obj_by_type(handle, HWLOC_OBJ_PACKAGE, 0),
      let text = hwloc_obj_get_info_by_name(package, "CPUModel")
    else { return nil }
    let name = String(cString: text).trimmed
    return name.isEmpty ? nil : name
  }

  private var caches: [Processor.Cache] {
    let levels = [(1, HWLOC_OBJ_L1CACHE), (2, HWLOC_OBJ_L2CACHE), (3, HWLOC_OBJ_L3CACHE)]
    return levels.flatMap { level, type in
      var counts: [Int: Int] = [:]
      for index in 0..<UInt32(count(type)) {
        guard let cache = hwloc_get_obj_by_type(handle, type, index), let attributes = cache.pointee.attr else {
          continue
        }
        counts[Int(clamping: attributes.pointee.cache.size), default: 0] += 1
      }
      // Hypervisors that hide a cache's size report 0.
      return counts.filter { $0.key > 0 }.sorted { $0.key > $1.key }
        .map { Processor.Cache(level: level, size: Bytes($0.key), count: $0.value) }
    }
  }

  /// How many objects of a type there are; 0 for none or for a type found at several depths, which none of ours is.
  private func count(_ type: hwloc_obj_type_t) -> Int { max(0, Int(hwloc_get_nbobjs_by_type(handle, type))) }
}
