import CHwloc

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// How a request to bind to cores ended.
public enum Binding: Hashable, Sendable {
  /// Done: the system now runs the process or thread on these cores only.
  case bound(cores: [Int])
  /// The system has no binding (macOS); nothing changed.
  case unsupported
  /// The system has binding and does not allow this one (sandbox, batch scheduler); nothing changed.
  case notPermitted
}

/// What is bound.
private enum Bound {
  case process, thread

  var flag: Int32 {
    switch self {
    case .process: Int32(HWLOC_CPUBIND_PROCESS.rawValue)
    case .thread: Int32(HWLOC_CPUBIND_THREAD.rawValue)
    }
  }
}

extension Topology {
  /// Binds every thread of this process, and those it starts later, to some of its allowed cores.
  ///
  /// A core is bound with all of its hardware threads that are allowed. Bind before the linear algebra library starts
  /// its workers: some count the cores they may use only then.
  ///
  /// - Parameter cores: numbers from 0 below ``Processor/allowedCores``, in hwloc's order: neighbors share caches.
  /// - Throws: ``MachineError/noSuchCore(index:allowed:)``, ``MachineError/noCoresToBind``,
  ///   ``MachineError/bindingFailed(code:)``. A refusal is no error but a result.
  public func bindProcess(toCores cores: [Int]) throws(MachineError) -> Binding {
    try bind(.process, to: cores)
  }

  /// Binds the calling thread alone; see ``bindProcess(toCores:)``.
  public func bindThread(toCores cores: [Int]) throws(MachineError) -> Binding {
    try bind(.thread, to: cores)
  }

  /// Gives every thread of the process back all the cores it had when this topology was loaded.
  public func unbindProcess() throws(MachineError) -> Binding { try apply(allowed, to: .process, cores: allCores) }

  /// Gives the calling thread back all the cores its process had when this topology was loaded.
  public func unbindThread() throws(MachineError) -> Binding { try apply(allowed, to: .thread, cores: allCores) }

  /// The allowed cores, by number, on which the calling thread may run now; `nil` where the system does not say.
  public func coresOfThread() throws(MachineError) -> [Int]? {
    let now = try CoreSet()
    guard hwloc_get_cpubind(handle, now.bitmap, Bound.thread.flag) == 0 else { return nil }
    return allowedCoreObjects.indices.filter { index in
      hwloc_bitmap_intersects(allowedCoreObjects[index].pointee.cpuset, now.bitmap) != 0
    }
  }

  private var allCores: [Int] { Array(0..<processor.allowedCores) }

  private func bind(_ bound: Bound, to cores: [Int]) throws(MachineError) -> Binding {
    try apply(threads(ofCores: cores), to: bound, cores: cores)
  }

  /// The allowed hardware threads of some cores.
  func threads(ofCores cores: [Int]) throws(MachineError) -> CoreSet {
    guard !cores.isEmpty else { throw .noCoresToBind }
    let objects = allowedCoreObjects
    let target = try CoreSet()
    for core in cores {
      guard objects.indices.contains(core) else { throw .noSuchCore(index: core, allowed: objects.count) }
      hwloc_bitmap_or(target.bitmap, target.bitmap, objects[core].pointee.cpuset)
    }
    hwloc_bitmap_and(target.bitmap, target.bitmap, allowed.bitmap)
    return target
  }

  private func apply(_ target: borrowing CoreSet, to bound: Bound, cores: [Int]) throws(MachineError) -> Binding {
    if hwloc_set_cpubind(handle, target.bitmap, bound.flag) == 0 { return .bound(cores: cores) }
    switch errno {
    case ENOSYS: return .unsupported
    // EXDEV: "the binding cannot be enforced" (hwloc); EINVAL: the cpuset has shrunk since (sched_setaffinity(2)).
    case EPERM, EACCES, EXDEV, EINVAL: return .notPermitted
    case let code: throw .bindingFailed(code: code)
    }
  }

  private var allowedCoreObjects: [hwloc_obj_t] {
    let type = hwloc_get_nbobjs_by_type(handle, HWLOC_OBJ_CORE) > 0 ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU
    return Self.objects(type, in: handle, meeting: allowed.bitmap)
  }

  /// The objects of a type that hold at least one hardware thread of a set.
  static func objects(_ type: hwloc_obj_type_t, in handle: hwloc_topology_t, meeting set: hwloc_bitmap_t)
    -> [hwloc_obj_t]
  {
    let count = max(0, Int(hwloc_get_nbobjs_by_type(handle, type)))
    return (0..<UInt32(count)).compactMap { index in
      guard let object = hwloc_get_obj_by_type(handle, type, index),
        hwloc_bitmap_intersects(object.pointee.cpuset, set) != 0
      else { return nil }
      return object
    }
  }
}
