/// How a step is spread over GPUs.
public enum Sharding: String, CaseIterable, Hashable, Sendable, Codable {
  /// Not at all: one GPU holds everything.
  case none
  /// Every GPU holds everything, and gradients are averaged (torch `DistributedDataParallel`).
  case ddp
  /// DeepSpeed, stage 1: optimizer states and master weights are divided.
  case zero1
  /// DeepSpeed, stage 2: gradients too.
  case zero2
  /// DeepSpeed, stage 3: weights too.
  case zero3
  /// torch `FullyShardedDataParallel` with `FULL_SHARD`: everything is divided, in flat parameters.
  case fsdp
  /// torch `fully_shard`: everything is divided, parameter by parameter.
  case fsdp2

  /// Whether it is DeepSpeed's, which runs on a single GPU too.
  public var isDeepSpeed: Bool { [.zero1, .zero2, .zero3].contains(self) }
  /// Whether torch gathers the weights of a layer right before they are used.
  public var isFullySharded: Bool { self == .fsdp || self == .fsdp2 }
  /// Whether no GPU holds all weights.
  public var dividesWeights: Bool { isFullySharded || self == .zero3 }
}

/// The GPUs of one step and what each of them holds.
public struct Parallelism: Hashable, Sendable {
  /// GPUs that share the step; every one runs micro-batches of its own.
  public let devices: Int
  public let sharding: Sharding
  public let settings: ShardingSettings

  public init(devices: Int, sharding: Sharding, settings: ShardingSettings = ShardingSettings()) throws(RecipeError) {
    guard (1...65536).contains(devices) else {
      throw .outOfRange("gpus", "\(devices)", "between 1 and 65536")
    }
    guard devices > 1 || sharding == .none || sharding.isDeepSpeed else {
      throw .conflict("sharding", sharding.rawValue, reason: "one GPU has nobody to share with: use --gpus")
    }
    guard devices == 1 || sharding != .none || settings.tensorParallelSize == devices else {
      throw .conflict("sharding", sharding.rawValue, reason: "\(devices) GPUs share a step somehow: use ddp")
    }
    try settings.check(sharding, devices: devices)
    self.devices = devices
    self.sharding = sharding
    self.settings = settings
  }

  private init() {
    devices = 1
    sharding = .none
    settings = ShardingSettings()
  }

  /// One GPU that holds everything.
  public static let single = Parallelism()

  /// GPUs with micro-batches of their own: all of them, or a tensor-parallel group each.
  public var replicas: Int { devices / settings.tensorParallelSize }
}
