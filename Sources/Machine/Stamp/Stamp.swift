public import Bookkeeping

/// Where and with what a measurement was made: written with every figure that is measured.
public struct Stamp: Hashable, Sendable, Codable {
  /// The host's memory when the stamp was made.
  public struct Memory: Hashable, Sendable, Codable {
    public let installed: Bytes
    public let available: Bytes
    /// What a run could take, and whose limit that was.
    public let usable: Bytes
    public let cause: HostMemory.Cause

    public init(_ memory: HostMemory) {
      installed = memory.installed
      available = memory.available
      usable = memory.usable
      cause = memory.cause
    }
  }

  /// The linear algebra library, named by the caller, who links it.
  public struct LinearAlgebra: Hashable, Sendable, Codable {
    /// `OpenBLAS 0.3.21`.
    public let version: String
    /// The kernels chosen at run time: `SkylakeX`, `Haswell`, `Zen`.
    public let core: String

    public init(version: String, core: String) {
      self.version = version
      self.core = core
    }
  }

  /// ISO 8601, UTC, to the second.
  public let date: String
  /// Plimsoll's commit; `nil` when it was not said.
  public let commit: String?
  /// The Swift release that compiled Plimsoll.
  public let swift: String
  public let system: OperatingSystem
  public let processor: Processor
  /// Worker threads that the measurement ran with.
  public let threads: Int
  public let memory: Memory
  /// `nil` for what is measured without it.
  public let linearAlgebra: LinearAlgebra?
  /// What a reader of the figures should know: ``HostMemory/notes``.
  public let notes: [String]

  /// Puts together readings that were made already.
  public init(
    date: String, commit: String?, swift: String = Build.swift, system: OperatingSystem, processor: Processor,
    threads: Int, memory: HostMemory, linearAlgebra: LinearAlgebra?
  ) {
    self.date = date
    self.commit = commit
    self.swift = swift
    self.system = system
    self.processor = processor
    self.threads = threads
    self.memory = Memory(memory)
    self.linearAlgebra = linearAlgebra
    self.notes = memory.notes
  }

  /// The stamp of now.
  ///
  /// - Parameters:
  ///   - threads: worker threads used; ``Processor/recommendedThreads`` when not said.
  ///   - commit: Plimsoll's commit; that of the environment variable `PLIMSOLL_COMMIT` when not said.
  public static func now(
    topology: borrowing Topology, threads: Int? = nil, linearAlgebra: LinearAlgebra? = nil, commit: String? = nil
  ) throws(MachineError) -> Stamp {
    let processor = topology.processor
    let named: String?
    if let commit { named = try Build.commit(commit) } else { named = try Build.commitFromEnvironment() }
    return Stamp(
      date: Timestamp.now(), commit: named, system: try OperatingSystem.read(), processor: processor,
      threads: threads ?? processor.recommendedThreads,
      memory: try HostMemory.read(topologyTotal: topology.totalMemory), linearAlgebra: linearAlgebra)
  }

  enum CodingKeys: String, CodingKey {
    case date, commit, swift, system, processor, threads, memory, notes
    case linearAlgebra = "linear_algebra"
  }
}
