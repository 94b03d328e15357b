public import Bookkeeping

/// A device as its driver and its data sheet describe it.
public struct Device: Hashable, Sendable {
  public enum Vendor: String, CaseIterable, Hashable, Sendable, Codable { case nvidia, amd, apple }

  /// As the command line says it: `rtx-4060`.
  public let name: String
  /// As its maker says it: `GeForce RTX 4060`.
  public let title: String
  public let vendor: Vendor
  /// What its driver reports as its memory.
  public let usable: Bytes
  /// Whether ``usable`` is only the marketed figure, no driver's report of it being at hand.
  public let usableIsNominal: Bool
  /// The memory it is sold with, in units of 2^30 bytes.
  public let marketedGibibytes: Int
  /// Memory bandwidth in 10^9 bytes a second.
  public let bandwidth: Double
  /// Dense products a second, in 10^12 operations, by format; without sparsity.
  public let peak: PeakRates
  /// CUDA compute capability such as 8.9; `nil` on other vendors' devices.
  public let computeCapability: ComputeCapability?
  /// What a process costs before its first tensor: driver context and loaded kernels.
  public let context: Interval
  /// Where the figures stand.
  public let source: String
}

extension Device {
  /// Dense products a second, in 10^12 operations (a multiply-add counted as two).
  public struct PeakRates: Hashable, Sendable {
    /// Products of bf16 with fp32 sums; `nil` where the device has no such units.
    public let bf16: Double?
    /// Products of fp16 with fp32 sums.
    public let fp16: Double
    /// Products of fp32 without TF32.
    public let fp32: Double
  }

  public struct ComputeCapability: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let major: Int
    public let minor: Int

    public var description: String { "\(major).\(minor)" }

    public static func < (left: ComputeCapability, right: ComputeCapability) -> Bool {
      (left.major, left.minor) < (right.major, right.minor)
    }
  }
}
