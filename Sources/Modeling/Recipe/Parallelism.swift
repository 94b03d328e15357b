/// How a step is spread over GPUs.
public enum Sharding: String, CaseIterable, Hashable, Sendable, Codable { case none, ddp, zero1, zero2, zero3, fsdp }

/// The GPUs of one step and what each of them holds.
public struct Parallelism: Hashable, Sendable {
  /// GPUs that share the step; every one runs micro-batches of its own.
  public let devices: Int
  public let sharding: Sharding

  public init(devices: Int, sharding: Sharding) throws(RecipeError) {
    guard (1...65536).contains(devices) else {
      throw .outOfRange("gpus", "\(devices)", "between 1 and 65536")
    }
    guard devices > 1 || sharding == .none else {
      throw .conflict("sharding", sharding.rawValue, reason: "one GPU has nobody to share with: use --gpus")
    }
    self.devices = devices
    self.sharding = sharding
  }

  private init() {
    devices = 1
    sharding = .none
  }

  /// One GPU that holds everything.
  public static let single = Parallelism()
}
