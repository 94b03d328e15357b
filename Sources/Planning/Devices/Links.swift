extension Device {
  /// The ways that bytes leave a device, as its data sheet has them.
  public struct Links: Hashable, Sendable {
    /// To the host, and to other devices where nothing faster reaches them.
    public let host: Host
    /// To other devices of the same node; `nil` where they meet on the host's bus only.
    public let peers: Peers?

    init(_ host: Host, _ peers: Peers? = nil) {
      self.host = host
      self.peers = peers
    }
  }

  /// What connects a device with its host.
  public enum Host: Hashable, Sendable {
    /// PCI Express.
    case bus(generation: Int, lanes: Int)
    /// A processor in the same package, in 10^9 bytes a second in each direction (NVLink-C2C).
    case package(Double)

    static func pcie(_ generation: Int, lanes: Int = 16) -> Host { .bus(generation: generation, lanes: lanes) }

    /// 10^9 bytes a second in each direction.
    ///
    /// A lane carries 8 × 10^9 bits a second in generation 3 and twice as many in each later one, of which 128 of 130 are
    /// data (PCI Express Base Specification 3.0 to 5.0, 128b/130b encoding).
    public var bandwidth: Double {
      switch self {
      case .bus(let generation, let lanes):
        let lane = 8.0 * Double(1 << max(0, generation - 3))
        return lane * Double(lanes) * 128 / 130 / 8
      case .package(let bandwidth): return bandwidth
      }
    }

    /// `PCIe 4.0 x16`.
    public var title: String {
      switch self {
      case .bus(let generation, let lanes): "PCIe \(generation).0 x\(lanes)"
      case .package: "NVLink-C2C"
      }
    }
  }

  /// What connects a device with others of its node.
  public struct Peers: Hashable, Sendable {
    public let title: String
    /// 10^9 bytes a second in each direction, over all links of a device; data sheets print both directions together.
    public let bandwidth: Double
    /// Devices that reach each other this way: two on a bridge, eight on a board.
    public let reach: Int

    static func nvlink(bothWays: Double, reach: Int) -> Peers {
      Peers(title: "NVLink", bandwidth: bothWays / 2, reach: reach)
    }

    static func infinityFabric(bothWays: Double, reach: Int) -> Peers {
      Peers(title: "Infinity Fabric", bandwidth: bothWays / 2, reach: reach)
    }
  }
}

/// How many devices share a host, and how hosts reach each other, where nobody says.
///
/// The one default there is: nodes of eight. Where eight devices reach each other on a board, each has an adapter of
/// 200 Gb/s of its own, as in NVIDIA's DGX A100 (eight ConnectX-6 for the compute fabric, DGX A100 data sheet); any other
/// node has a single such adapter.
package enum HostNode {
  /// Devices of a node.
  package static let devices = 8
  /// An adapter, in 10^9 bytes a second in each direction: 200 Gb/s.
  static let adapter = 25.0

  /// What leaves and enters a node, in 10^9 bytes a second in each direction.
  static func network(of device: Device) -> Double {
    adapter * Double(device.links.peers?.reach == devices ? devices : 1)
  }
}
