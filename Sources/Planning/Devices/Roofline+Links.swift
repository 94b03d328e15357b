import Bookkeeping
import Modeling

extension Roofline {
  /// What is taken for granted of what devices send; nothing of one alone.
  static func linkAssumptions(_ recipe: Recipe, _ time: StepTime, on device: Device) -> [String] {
    let parallelism = recipe.parallelism
    guard parallelism != .single else { return [] }
    var list: [String] = []
    if parallelism.replicas > 1 {
      let ring = Ring(parallelism.replicas, of: device)
      list.append(
        "GPUs send each other \(ring.title == "the network between nodes" ? "over" : "by") \(ring.title), "
          + "\(Fixed.text(ring.bandwidth, decimals: 0)) GB/s each way, of which 0.83 is reached; \(overlap(parallelism))"
      )
    }
    if parallelism.devices > HostNode.devices {
      list.append(
        "nodes of \(HostNode.devices) GPUs with \(Fixed.text(HostNode.network(of: device) * 8, decimals: 0)) Gb/s between them"
      )
    }
    if parallelism.settings.offload != .none {
      list.append(
        "to and from the host by \(device.links.host.title), "
          + "\(Fixed.text(device.links.host.bandwidth, decimals: 0)) GB/s each way, of which 0.83 is reached; the "
          + "optimizer's step on the host is not timed")
    }
    if parallelism.settings.tensorParallelSize > 1 { list.append("what tensor-parallel groups send is not timed") }
    return list
  }

  private static func overlap(_ parallelism: Parallelism) -> String {
    switch parallelism.sharding {
    case .none, .ddp: "gradients go while the last micro-batch is computed"
    case .fsdp, .fsdp2, .zero3: "weights and gradients go while a micro-batch is computed"
    case .zero1, .zero2:
      parallelism.settings.overlapsCommunication == true
        ? "gradients go while a micro-batch is computed, updated weights after it"
        : "gradients and updated weights go while nothing is computed (overlap_comm off)"
    }
  }

  /// The links with their sources, where the recipe has a use for them.
  static func linkSources(of recipe: Recipe, on device: Device) -> [String] {
    guard recipe.parallelism != .single else { return [] }
    let ring = Ring(recipe.parallelism.replicas, of: device)
    return [
      "links: \(Fixed.text(ring.bandwidth, decimals: 0)) GB/s each way by \(ring.title), to the host "
        + "\(Fixed.text(device.links.host.bandwidth, decimals: 0)) GB/s (\(device.source)), of which 376 of 450 are reached "
        + "on NVLink (Bekman, Machine Learning Engineering, network; NVIDIA/nccl issue 1264)"
    ]
  }
}
