import CHwloc

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Which memory the pages of a program come from where a machine has several NUMA nodes.
public enum MemoryPlacement: Hashable, Sendable {
  /// Cores and memory are one node: nothing to decide, and nothing changed.
  case local
  /// Pages are taken from so many nodes in turn.
  case interleaved(nodes: Int)
  /// The system has no such placement (macOS); nothing changed.
  case unsupported
  /// The system has it and does not allow it (sandbox, batch scheduler); nothing changed.
  case notPermitted
}

extension Topology {
  /// How many NUMA nodes some of the allowed cores belong to, by number as ``bindProcess(toCores:)`` counts them.
  public func nodes(ofCores cores: [Int]) throws(MachineError) -> Int { try nodeSet(ofCores: cores).count }

  /// Has pages that this thread touches first, and threads that it starts from now on, come in turn from all the nodes
  /// that `cores` belong to.
  ///
  /// By default a page comes from the node of the thread that touches it first. Weights are filled by one thread and
  /// read by all, so that they would lie in one node, and the others' cores would share the way there; taken in turn,
  /// the bandwidths of all nodes add up. Call it before memory is touched and workers are started.
  ///
  /// - Throws: ``MachineError/noSuchCore(index:allowed:)``, ``MachineError/noCoresToBind``,
  ///   ``MachineError/bindingFailed(code:)``. A refusal is no error but a result.
  public func interleaveMemory(ofCores cores: [Int]) throws(MachineError) -> MemoryPlacement {
    try nodes(ofCores: cores) > 1 ? interleave(nodesOfCores: cores) : .local
  }

  /// Asks the system for it, whatever the number of nodes.
  package func interleave(nodesOfCores cores: [Int]) throws(MachineError) -> MemoryPlacement {
    let nodes = try nodeSet(ofCores: cores)
    let flags = Int32(HWLOC_MEMBIND_THREAD.rawValue | HWLOC_MEMBIND_BYNODESET.rawValue)
    if hwloc_set_membind(handle, nodes.bitmap, HWLOC_MEMBIND_INTERLEAVE, flags) == 0 {
      return .interleaved(nodes: nodes.count)
    }
    switch errno {
    case ENOSYS: return .unsupported
    case EPERM, EACCES, EXDEV, EINVAL: return .notPermitted
    case let code: throw .bindingFailed(code: code)
    }
  }

  /// Whether pages that this thread touches first are taken from nodes in turn; `nil` where the system does not say.
  package var isInterleaving: Bool? {
    get throws(MachineError) {
      let nodes = try CoreSet()
      var policy = HWLOC_MEMBIND_DEFAULT
      let flags = Int32(HWLOC_MEMBIND_THREAD.rawValue | HWLOC_MEMBIND_BYNODESET.rawValue)
      guard hwloc_get_membind(handle, nodes.bitmap, &policy, flags) == 0 else { return nil }
      return policy == HWLOC_MEMBIND_INTERLEAVE
    }
  }

  private func nodeSet(ofCores cores: [Int]) throws(MachineError) -> CoreSet {
    let threads = try threads(ofCores: cores)
    let nodes = try CoreSet()
    for node in Self.objects(HWLOC_OBJ_NUMANODE, in: handle, meeting: threads.bitmap) {
      hwloc_bitmap_or(nodes.bitmap, nodes.bitmap, node.pointee.nodeset)
    }
    return nodes
  }
}
