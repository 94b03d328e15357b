public import Bookkeeping

/// The host as the engine sees it: the values that `machine` prints.
public struct MachineSummary: Sendable {
  public struct Cache: Hashable, Sendable {
    public let name: String
    public let size: Bytes
    public let count: Int

    public init(name: String, size: Bytes, count: Int) {
      self.name = name
      self.size = size
      self.count = count
    }
  }

  public struct Processor: Hashable, Sendable {
    public let name: String?
    public let packages: Int
    public let cores: Int
    public let threads: Int
    /// Cores and hardware threads that this process may use.
    public let allowedCores: Int
    public let allowedThreads: Int
    /// Processor time granted per time that passes; `nil` for no limit.
    public let quota: Double?
    public let numaNodes: Int
    public let caches: [Cache]
    /// Worker threads that the engine starts here.
    public let recommendedThreads: Int

    public init(
      name: String?, packages: Int, cores: Int, threads: Int, allowedCores: Int, allowedThreads: Int, quota: Double?,
      numaNodes: Int, caches: [Cache], recommendedThreads: Int
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
      self.recommendedThreads = recommendedThreads
    }
  }

  public struct Memory: Hashable, Sendable {
    public let installed: Bytes
    public let available: Bytes
    /// What a run could take.
    public let usable: Bytes
    /// Whose limit that is, for programs and in words.
    public let limit: String
    public let limitPhrase: String

    public init(installed: Bytes, available: Bytes, usable: Bytes, limit: String, limitPhrase: String) {
      self.installed = installed
      self.available = available
      self.usable = usable
      self.limit = limit
      self.limitPhrase = limitPhrase
    }
  }

  public let processor: Processor
  public let memory: Memory
  /// Distribution, kernel and architecture.
  public let system: String
  public let kernel: String
  public let architecture: String
  /// The linear algebra library and the kernels that it chose here; `nil` where it was not asked.
  public let linearAlgebra: String?
  public let swift: String
  /// What a reader of the figures should know.
  public let notes: [String]

  public init(
    processor: Processor, memory: Memory, system: String, kernel: String, architecture: String,
    linearAlgebra: String?, swift: String, notes: [String]
  ) {
    self.processor = processor
    self.memory = memory
    self.system = system
    self.kernel = kernel
    self.architecture = architecture
    self.linearAlgebra = linearAlgebra
    self.swift = swift
    self.notes = notes
  }
}
