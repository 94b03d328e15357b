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
        Column("usable", key: "usable_bytes", .bytes), Column("usable as told by", key: "usable_source"),
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
          .text(device.usableSource.text), .integer(device.marketedGibibytes), .decimal(device.bandwidth),
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
        Column("usable", key: "usable_bytes", .gibibytes), Column("as", key: "usable_source"),
        Column("bandwidth", key: "bandwidth_gb_per_second", .decimal(places: 0), unit: "GB/s"),
        Column("16-bit", key: "tflops", .decimal(places: 0), unit: "TFLOP/s"),
      ],
      rows: devices.map { device in
        [
          .text(device.name), .text(device.title), .bytes(device.usable),
          .text(device.usableIsNominal ? "sold" : "reported"), .decimal(device.bandwidth),
          .decimal(device.peak.bf16 ?? device.peak.fp16),
        ]
      })
    return Document([
      .table(table),
      .paragraph(
        "Usable is what the driver reports; where no report is at hand, what the device is sold with. 16-bit products "
          + "are bf16 where the device has it, fp16 elsewhere, both without sparsity."),
    ])
  }
}
