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
      """)

  @OptionGroup var output: OutputOptions

  func run() throws {
    let topology = try Topology.load()
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
