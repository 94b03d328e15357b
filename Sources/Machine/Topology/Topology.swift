public import Bookkeeping
import CHwloc

/// The machine as hwloc discovers it: loaded once, kept for binding, freed at the end of its owner's scope.
///
/// Not `Sendable`: the thread that loads it reads and binds with it; ``processor`` is the value to hand around.
public struct Topology: ~Copyable {
  let handle: hwloc_topology_t
  /// The hardware threads that this process could use when the topology was loaded.
  let allowed: CoreSet
  public let processor: Processor
  /// hwloc's sum of memory over NUMA nodes; can be far too low on virtual machines, so only ever compared.
  public let totalMemory: Bytes

  /// Discovers the machine that this process runs on.
  ///
  /// - Throws: ``MachineError/topologyUnavailable(step:code:)``, or ``MachineError/foreignTopology`` when hwloc's
  ///   environment variables make it describe another machine.
  public static func load() throws(MachineError) -> Topology {
    let topology = try Topology(synthetic: nil)
    guard hwloc_topology_is_thissystem(topology.handle) != 0 else { throw .foreignTopology }
    return topology
  }

  /// A machine made up from hwloc's description language, such as `pack:2 core:4 pu:2`.
  package static func load(synthetic description: String) throws(MachineError) -> Topology {
    try Topology(synthetic: description)
  }

  private init(synthetic description: String?) throws(MachineError) {
    let source = try Discovery.machine(synthetic: description)
    let allowed = try source.allowedThreads()
    let quota = description == nil ? try ProcessorQuota.least(of: ControlGroup.current(governing: "cpu")) : nil
    processor = source.processor(allowed: allowed, quota: quota, isThisMachine: description == nil)
    totalMemory = source.totalMemory
    self.allowed = allowed
    handle = source.release()
  }

  deinit { hwloc_topology_destroy(handle) }
}
