import Bookkeeping
import Machine
import Testing

/// What binds does so in a process of its own: the test runner's other tests keep their cores.
@Suite struct TopologyTests {
  @Test func `this machine has cores, and at least as many threads`() throws {
    let processor = try Topology.load().processor
    #expect(processor.packages >= 1)
    #expect(processor.numaNodes >= 1)
    #expect(processor.cores >= 1)
    #expect(processor.threads >= processor.cores)
    #expect((1...processor.cores).contains(processor.allowedCores))
    #expect((processor.allowedCores...processor.threads).contains(processor.allowedThreads))
    #expect((1...processor.allowedCores).contains(processor.recommendedThreads))
    #expect(processor.caches.allSatisfy { $0.size > .zero && (1...processor.threads).contains($0.count) })
  }

  @Test func `a described machine is counted as described`() throws {
    let topology = try Topology.load(
      synthetic: "pack:2 numa:1 l3:1(size=32MB) l2:4(size=1MB) l1d:1(size=48kB) core:1 pu:2")
    let processor = topology.processor
    #expect(processor.packages == 2)
    #expect(processor.numaNodes == 2)
    #expect(processor.cores == 8)
    #expect(processor.threads == 16)
    #expect(processor.allowedCores == 8)
    #expect(processor.allowedThreads == 16)
    #expect(processor.recommendedThreads == 8)
    #expect(processor.name == nil)
    #expect(processor.caches.map(\.name) == ["L1d", "L2", "L3"])
    #expect(processor.caches.map(\.count) == [8, 8, 2])
    #expect(processor.caches.map(\.level) == [1, 2, 3])
  }

  @Test func `threads stand in for cores where a machine shows none`() throws {
    let processor = try Topology.load(synthetic: "pack:1 pu:6").processor
    #expect(processor.cores == 6)
    #expect(processor.allowedCores == 6)
    #expect(processor.caches.isEmpty)
  }

  @Test(arguments: ["", "nonsense", "core:0"])
  func `a machine that makes no sense is an error`(description: String) {
    #expect(throws: MachineError.self) { _ = try Topology.load(synthetic: description).processor }
  }

  @Test(arguments: [
    (nil, 8), (16.0, 8), (8.0, 8), (3.99, 3), (1.5, 1), (0.25, 1), (1e300, 8), (Double.infinity, 8),
  ])
  func `a quota lowers the threads, in whole ones, to no fewer than one`(quota: Double?, threads: Int) {
    let processor = Processor(
      name: nil, packages: 1, cores: 8, threads: 16, allowedCores: 8, allowedThreads: 16, quota: quota, numaNodes: 1,
      caches: [])
    #expect(processor.recommendedThreads == threads)
  }

  @Test func `a thread bound to one core is on that core until it is unbound`() async {
    await #expect(processExitsWith: .success) {
      let topology = try Topology.load()
      let all = Array(0..<topology.processor.allowedCores)
      for core in all {
        let binding = try topology.bindThread(toCores: [core])
        // A host may not allow it, and says so.
        if binding == .unsupported || binding == .notPermitted { return }
        #expect(binding == .bound(cores: [core]))
        #expect(try topology.coresOfThread() == [core])
      }
      #expect(try topology.unbindThread() == .bound(cores: all))
      #expect(try topology.coresOfThread() == all)
    }
  }

  @Test func `a process bound to its first core is allowed one, and all again when unbound`() async {
    await #expect(processExitsWith: .success) {
      let topology = try Topology.load()
      guard case .bound = try topology.bindProcess(toCores: [0]) else { return }
      let bound = try Topology.load().processor
      _ = try topology.unbindProcess()
      #expect(bound.allowedCores == 1)
      #expect(bound.recommendedThreads == 1)
      #expect(bound.cores == topology.processor.cores)
      #expect(try Topology.load().processor.allowedCores == topology.processor.allowedCores)
    }
  }

  @Test(arguments: [([0], 1), ([0, 3], 1), ([3, 4], 2), (Array(0..<16), 4)])
  func `cores belong to the nodes that a described machine puts them in`(cores: [Int], nodes: Int) throws {
    let topology = try Topology.load(synthetic: "pack:2 numa:2 core:4 pu:2")
    #expect(try topology.nodes(ofCores: cores) == nodes)
  }

  @Test func `memory of one node stays as it is`() throws {
    let topology = try Topology.load()
    guard topology.processor.numaNodes == 1 else { return }
    #expect(try topology.interleaveMemory(ofCores: Array(0..<topology.processor.allowedCores)) == .local)
  }

  @Test func `memory comes from nodes in turn where that is asked for`() async {
    await #expect(processExitsWith: .success) {
      let topology = try Topology.load()
      let placement = try topology.interleave(nodesOfCores: [0])
      // A host may not allow it, and says so.
      if placement == .unsupported || placement == .notPermitted { return }
      #expect(placement == .interleaved(nodes: 1))
      #expect(try topology.isInterleaving != false)
    }
  }

  @Test(arguments: [-1, Int.max, Int.min])
  func `a core that does not exist is named`(core: Int) throws {
    let topology = try Topology.load()
    let allowed = topology.processor.allowedCores
    var thrown: MachineError?
    do { _ = try topology.bindProcess(toCores: [0, core]) } catch { thrown = error }
    #expect(thrown == .noSuchCore(index: core, allowed: allowed))
  }

  @Test func `a binding to nothing is refused`() throws {
    let topology = try Topology.load()
    var thrown: MachineError?
    do { _ = try topology.bindThread(toCores: []) } catch { thrown = error }
    #expect(thrown == .noCoresToBind)
  }
}
