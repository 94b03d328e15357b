public import Bookkeeping

/// A device as its driver and its data sheet describe it.
public struct Device: Hashable, Sendable {
  public enum Vendor: String, CaseIterable, Hashable, Sendable, Codable { case nvidia, amd }

  /// As the command line says it: `rtx-4060`.
  public let name: String
  /// As its maker says it: `GeForce RTX 4060`.
  public let title: String
  public let vendor: Vendor
  /// What a process can get of its memory, context included.
  public let usable: Bytes
  /// Where ``usable`` was read.
  public let usableSource: UsableSource
  /// The memory it is sold with, in units of 2^30 bytes.
  public let marketedGibibytes: Int
  /// Memory bandwidth in 10^9 bytes a second.
  public let bandwidth: Double
  /// Dense products in 10^12 operations a second, by format; without sparsity.
  public let peak: PeakRates
  /// The clocks between which it runs; `nil` where no data sheet was at hand.
  public let clocks: Clocks?
  /// CUDA's compute capability, such as 8.9; `nil` on other makers' devices.
  public let computeCapability: ComputeCapability?
  /// What a process costs before its first tensor: the driver's context and loaded kernels.
  public let context: Interval
  /// How it reaches its host and others of its kind.
  public let links: Links
  /// Where bandwidth, rates and links stand.
  public let source: String

  /// Whether ``usable`` is only the marketed figure, no driver's report of it being at hand.
  public var usableIsNominal: Bool { usableSource == .nominal }
}

extension Device {
  /// Who says how much memory can be used.
  public enum UsableSource: Hashable, Sendable {
    /// `torch.cuda.get_device_properties().total_memory`, as quoted in the report at this address.
    case torch(String)
    /// The total that `nvidia-smi` prints, as quoted at this address; torch reports 1 to 3 % less.
    case driver(String)
    /// The marketed figure.
    case nominal

    public var text: String {
      switch self {
      case .torch(let address): "total_memory in \(address)"
      case .driver(let address): "nvidia-smi's total in \(address)"
      case .nominal: "the marketed size"
      }
    }
  }

  /// Dense products in 10^12 operations a second, a multiply-add counted as two.
  public struct PeakRates: Hashable, Sendable {
    /// Products of bf16 with fp32 sums; `nil` where the device has no such units.
    public let bf16: Double?
    /// Products of fp16 with fp32 sums.
    public let fp16: Double
    /// Products of fp32, without TF32.
    public let fp32: Double
  }

  /// Clocks of the processor in MHz: the one that its power limit always allows, and the one that peak rates are counted
  /// at.
  public struct Clocks: Hashable, Sendable {
    public let base: Int
    public let boost: Int

    /// The share of the peak rates that the base clock gives.
    var baseShare: Double { Double(base) / Double(boost) }
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
