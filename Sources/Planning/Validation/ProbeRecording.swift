public import Bookkeeping
import Modeling

/// What a probe has measured: phase by phase, for each number of layers that it ran.
public struct ProbeRecording: Hashable, Sendable {
  public let settings: ProbeSettings
  public let machine: Machine
  /// The software with its versions, by name.
  public let packages: [Package]
  /// By number of layers.
  public let depths: [Depth]

  public struct Package: Hashable, Sendable {
    public let name: String
    public let version: String
  }

  /// What the probe ran on; without a GPU it counts tensors' bytes itself.
  public struct Machine: Hashable, Sendable {
    /// The GPU as torch names it; `nil` on a CPU.
    public let name: String?
    public let total: Bytes?
    public let computeCapability: Device.ComputeCapability?

    public var isGPU: Bool { name != nil }
  }

  /// The phases of a step, in order, after loading.
  public enum Phase: String, CaseIterable, Hashable, Sendable {
    case load, forward, loss, backward, optimizer
  }

  /// What was read at the end of a phase.
  public struct Reading: Hashable, Sendable {
    public let peak: Bytes
    public let live: Bytes
    /// Of CUDA's allocator; `nil` on a CPU.
    public let peakReserved: Bytes?
    /// What is used of the device by all processes, less what this one has reserved; `nil` on a CPU.
    public let outside: Bytes?
  }

  /// One number of layers.
  public struct Depth: Hashable, Sendable {
    public let layers: Int
    /// Of a steady step, the last one; empty where not even two steps came to their end.
    ///
    /// Several micro-batches count as their highest peak and their last end.
    public let phases: [Phase: Reading]
    /// Why it ended early, where it did.
    public let failure: String?
    /// Parameters that trained.
    public let trainable: Int?

    public var isComplete: Bool { Phase.allCases.allSatisfy { phases[$0] != nil } }

    /// The most that the allocator had taken from the driver.
    public var reserved: Bytes? { phases.values.compactMap(\.peakReserved).max() }
    /// The most that was used of the device outside of the allocator.
    public var outside: Bytes? { phases.values.compactMap(\.outside).max() }
  }
}
