/// The time of collective operations on a ring of devices.
///
/// A ring passes every part of a buffer on to the next device, in both phases of an all-reduce n − 1 times: each device
/// sends 2 · (n − 1)/n of the bytes, and (n − 1)/n where parts are only gathered or only summed up (Patarasuk and Yuan
/// 2009, "Bandwidth optimal all-reduce algorithms for clusters of workstations"; nccl-tests, doc/PERFORMANCE.md, calls the
/// same factors those of the bus bandwidth). The slowest link of the ring decides. NCCL lays as many rings as a node has
/// ways out, so that between nodes all of its adapters together count as one link. Latencies are left out.
package struct Ring: Hashable, Sendable {
  /// n.
  package let devices: Int
  /// Of the slowest link, in 10^9 bytes a second in each direction, as data sheets have it.
  package let bandwidth: Double
  /// What that link is: `NVLink`, `PCIe 4.0 x16`, `the network between nodes`.
  package let title: String

  /// The share of a link's data sheet rate that is reached by large transfers.
  ///
  /// 376 of 450 GB/s between two H100 on NVLink (Bekman, "Machine Learning Engineering", network; NVIDIA/nccl issue 1264);
  /// taken for every kind of link.
  package static let share = 0.83

  package init(_ count: Int, of device: Device) {
    devices = max(1, count)
    let within = min(devices, HostNode.devices)
    var (slowest, name) = (device.links.host.bandwidth, device.links.host.title)
    if let peers = device.links.peers, peers.reach >= within { (slowest, name) = (peers.bandwidth, peers.title) }
    let network = HostNode.network(of: device)
    if devices > HostNode.devices, network < slowest { (slowest, name) = (network, "the network between nodes") }
    bandwidth = slowest
    title = name
  }

  /// Bytes that each device sends so that all have the sum of a buffer.
  package func allReduced(_ bytes: Double) -> Double { 2 * divided(bytes) }

  /// Bytes that each device sends so that all have a buffer of which each had a part, or each a part of the sum.
  package func divided(_ bytes: Double) -> Double { bytes * Double(devices - 1) / Double(devices) }

  /// Seconds in which each device has sent so many bytes.
  package func seconds(sending bytes: Double) -> Double { bytes / (bandwidth * 1e9 * Ring.share) }
}
