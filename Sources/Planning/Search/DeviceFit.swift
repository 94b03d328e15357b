public import Bookkeeping
public import Modeling

/// A device, and what it takes to run a recipe on it.
public struct DeviceFit: Sendable {
  public let device: Device
  /// The recipe on one of them.
  public let alone: Way
  /// The recipe spread over several, or with part of it on the host, for a device that does not carry it alone: each
  /// sharding with the fewest GPUs that do, those with the fewest first.
  public let shared: [Way]

  /// One way to run it.
  public struct Way: Sendable {
    public let recipe: Recipe
    /// Bytes of each GPU.
    public let bytes: Interval
    /// Bytes of each GPU that sharding adds in passing.
    public let buffers: ShardingBuffers
    public let fits: Bool
    /// Of each GPU; `nil` for the engine.
    public let speed: Roofline?

    public var devices: Int { recipe.parallelism.devices }
    /// Tokens a second of all GPUs, what they send each other counted in (``StepSending``).
    public var tokensPerSecond: Double? { speed.map { $0.expected * Double(recipe.parallelism.replicas) } }
  }

  /// The way to go: alone where that fits, the one with the fewest GPUs otherwise; `nil` where nothing fits.
  public var best: Way? { alone.fits ? alone : shared.first }
  /// Usable bytes less the expected ones of ``best``, or of the device alone.
  public var headroom: Bytes { device.usable - (best ?? alone).bytes.expected }
}

/// What a sharding borrows on every GPU, each at its own highest.
public struct ShardingBuffers: Hashable, Sendable {
  /// Gradients gathered until they are reduced together.
  public var buckets = Bytes.zero
  /// Whole weights gathered for their turn, those that are gathered ahead included.
  public var gathered = Bytes.zero
  /// What is on its way from and to the host.
  public var transfers = Bytes.zero

  public init(buckets: Bytes = .zero, gathered: Bytes = .zero, transfers: Bytes = .zero) {
    self.buckets = buckets
    self.gathered = gathered
    self.transfers = transfers
  }

  /// Reads them off a step's journal, by the names that the walk gives them.
  init(_ journal: Journal) {
    let kinds = journal.entries.map { ShardingBuffers.kind(of: $0.name) }
    var live = ShardingBuffers()
    for event in journal.events {
      switch event {
      case .advance: continue
      case .open(let id):
        guard let path = kinds[id.index] else { continue }
        live[keyPath: path] += journal.bytes(of: id)
        self[keyPath: path] = max(self[keyPath: path], live[keyPath: path])
      case .close(let id):
        guard let path = kinds[id.index] else { continue }
        live[keyPath: path] -= journal.bytes(of: id)
      }
    }
  }

  private static func kind(of name: String) -> WritableKeyPath<ShardingBuffers, Bytes>? {
    if name.hasPrefix("ddp.bucket") || name.hasPrefix("zero.bucket") { return \.buckets }
    if name.hasPrefix("zero.gathered") { return \.gathered }
    if name.hasPrefix("zero.transfer") { return \.transfers }
    switch name.split(separator: ".").last {
    case "gathered": return \.gathered
    case "whole", "padded", "reduced": return \.buckets
    case "transferred", "brought_back": return \.transfers
    default: return nil
    }
  }
}
