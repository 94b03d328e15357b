import ArgumentParser
import Kernels
import Machine
import Reporting

/// Describes this host.
struct MachineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "machine",
    abstract: "Describes this machine as the engine sees it: cores, caches, usable memory.",
    discussion: """
      What control groups, affinity and process limits leave of the machine is what counts.

        plimsoll machine
        plimsoll machine --format json

      With --measure it takes some seconds to time what the machine reaches at most: arithmetic in \
      registers, matrix products, and streams through memory, on one core and on all.

        plimsoll machine --measure
      """)

  @Flag(help: "Measure the ceilings of arithmetic, matrix products and memory instead.")
  var measure = false

  @OptionGroup var output: OutputOptions

  func run() throws {
    let topology = try Topology.load()
    if measure { return try output.write(ceilings(of: topology)) }
    let memory = try HostMemory.read(topologyTotal: topology.totalMemory)
    let system = try OperatingSystem.read()
    try output.write(
      MachineReport(
        MachineSummary(
          processor: MachineSummary.Processor(topology.processor),
          memory: MachineSummary.Memory(
            installed: memory.installed, available: memory.available, usable: memory.usable,
            limit: memory.cause.rawValue, limitPhrase: memory.cause.phrase),
          system: system.name, kernel: system.kernel, architecture: system.architecture,
          linearAlgebra: "\(BLAS.version), \(BLAS.core) kernels",
          swift: Build.swift, notes: memory.notes)))
  }

  private func ceilings(of topology: borrowing Topology) throws -> CeilingsReport {
    let threads = topology.processor.recommendedThreads
    let stamp = try Stamp.now(
      topology: topology, threads: threads,
      linearAlgebra: Stamp.LinearAlgebra(version: BLAS.version, core: BLAS.core), commit: Build.commitFromEnvironment())
    return CeilingsReport(
      ceilings: MeasuredCeilings.measure(threads: threads) { StandardError.write("measuring \($0)") },
      stamp: stamp.lines, threads: threads)
  }
}

extension MachineSummary.Processor {
  init(_ processor: Machine.Processor) {
    self.init(
      name: processor.name, packages: processor.packages, cores: processor.cores, threads: processor.threads,
      allowedCores: processor.allowedCores, allowedThreads: processor.allowedThreads, quota: processor.quota,
      numaNodes: processor.numaNodes,
      caches: processor.caches.map { MachineSummary.Cache(name: $0.name, size: $0.size, count: $0.count) },
      recommendedThreads: processor.recommendedThreads)
  }
}
