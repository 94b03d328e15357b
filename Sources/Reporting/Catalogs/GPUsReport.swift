import Bookkeeping
public import Planning

/// What `gpus` prints: the devices that are known by name.
public struct GPUsReport: Report {
  public let devices: [Device]

  public init(devices: [Device]) { self.devices = devices }

  /// Everything that is known, for programs.
  public var table: Table {
    Table(
      [
        Column("name", key: "name"), Column("device", key: "title"), Column("vendor", key: "vendor"),
        Column("usable", key: "usable_bytes", .bytes), Column("nominal", key: "usable_is_nominal", .flag),
        Column("marketed", key: "marketed_gib", .integer, unit: "GiB"),
        Column("bandwidth", key: "bandwidth_gb_per_second", .decimal(places: 0), unit: "GB/s"),
        Column("bf16", key: "bf16_tflops", .decimal(places: 1), unit: "TFLOP/s"),
        Column("fp16", key: "fp16_tflops", .decimal(places: 1), unit: "TFLOP/s"),
        Column("fp32", key: "fp32_tflops", .decimal(places: 1), unit: "TFLOP/s"),
        Column("compute capability", key: "compute_capability"),
        Column("context", key: "context_bytes", .bytes), Column("source", key: "source"),
      ],
      rows: devices.map { device in
        [
          .text(device.name), .text(device.title), .text(device.vendor.rawValue), .bytes(device.usable),
          .flag(device.usableIsNominal), .integer(device.marketedGibibytes), .decimal(device.bandwidth),
          device.peak.bf16.map { .decimal($0) } ?? .none, .decimal(device.peak.fp16), .decimal(device.peak.fp32),
          device.computeCapability.map { .text($0.description) } ?? .none, .bytes(device.context.expected),
          .text(device.source),
        ]
      })
  }

  public var json: OrderedJSON { table.json }

  public var document: Document {
    let table = Table(
      [
        Column("name", key: "name"), Column("device", key: "title"),
        Column("usable", key: "usable_bytes", .gibibytes),
        Column("bandwidth", key: "bandwidth_gb_per_second", .decimal(places: 0), unit: "GB/s"),
        Column("bf16", key: "bf16_tflops", .decimal(places: 1), unit: "TFLOP/s"),
        Column("fp16", key: "fp16_tflops", .decimal(places: 1), unit: "TFLOP/s"),
      ],
      rows: devices.map { device in
        [
          .text(device.name), .text(device.title), .bytes(device.usable), .decimal(device.bandwidth),
          device.peak.bf16.map { .decimal($0) } ?? .none, .decimal(device.peak.fp16),
        ]
      })
    var blocks: [Document.Block] = [.table(table)]
    if devices.contains(where: \.usableIsNominal) {
      let names = devices.filter(\.usableIsNominal).map(\.name).joined(separator: ", ")
      blocks.append(
        .paragraph("Usable is what the driver reports, but for these only the marketed figure is known: \(names)."))
    }
    return Document(blocks)
  }
}
