import Bookkeeping
import Modeling
import Planning

extension DevicesReport {
  /// A row a device and way to run on it.
  public var table: Table {
    Table(
      [
        Column("device", key: "device"), Column("usable", key: "usable_bytes", .bytes),
        Column("GPUs", key: "gpus", .integer), Column("sharding", key: "sharding"), Column("offload", key: "offload"),
        Column("needed", key: "device_bytes", .bytes), Column("fits", key: "fits", .flag),
        Column("headroom", key: "headroom_bytes", .bytes), Column("buckets", key: "bucket_bytes", .bytes),
        Column("gathered", key: "gathered_bytes", .bytes), Column("transfers", key: "transfer_bytes", .bytes),
        Column("tokens/s", key: "tokens_per_second", .decimal(places: 0)),
        Column("hours", key: "hours", .decimal(places: 2)),
        Column("price", key: "price_per_hour", .decimal(places: 2)), Column("cost", key: "cost", .decimal(places: 2)),
      ],
      rows: rows.flatMap { row in
        ([row.fit.alone] + row.fit.shared).map { cells(row, $0) }
      })
  }

  private func cells(_ row: Row, _ way: DeviceFit.Way) -> [Cell] {
    let isBest = row.fit.best.map { $0.recipe == way.recipe } ?? false
    let settings = way.recipe.parallelism
    let usable = row.fit.device.usable
    let place: [Cell] = [
      .text(row.fit.device.name), .bytes(usable), .integer(way.devices), .text(settings.way),
      .text(settings.settings.offload.rawValue),
    ]
    let bytes: [Cell] = [
      .bytes(way.bytes.expected), .flag(way.fits), .bytes(usable - way.bytes.expected), .bytes(way.buffers.buckets),
      .bytes(way.buffers.gathered), .bytes(way.buffers.transfers),
    ]
    let costs: [Cell] = [
      .optional(way.tokensPerSecond), .optional(isBest ? row.hours : nil), .optional(row.price),
      .optional(isBest ? row.cost : nil),
    ]
    return place + bytes + costs
  }

  public var json: OrderedJSON {
    [
      "model": .string(model), "method": .string(recipe.method.name.rawValue),
      "fits": .bool(rows.contains { $0.fit.best != nil }), "recipe": recipe.json,
      "run": run.map { RunBlocks.json($0) } ?? .null, "choice": choice?.recipe.json ?? .null,
      "devices": .array(rows.map(\.json)), "assumptions": .array(assumptions.map { .string($0) }),
    ]
  }
}

extension DevicesReport.Row {
  var json: OrderedJSON {
    [
      "device": .string(fit.device.name), "usable_bytes": .integer(fit.device.usable.count), "alone": fit.alone.json,
      "shared": .array(fit.shared.map(\.json)), "headroom_bytes": .integer(fit.headroom.count),
      "price_per_hour": .optional(price), "run": run?.json ?? .null, "hours": .optional(hours), "cost": .optional(cost),
    ]
  }
}

extension DeviceFit.Way {
  var json: OrderedJSON {
    [
      "gpus": .integer(devices), "sharding": .string(recipe.parallelism.way),
      "offload": .string(recipe.parallelism.settings.offload.rawValue), "device_bytes": bytes.json, "fits": .bool(fits),
      "bucket_bytes": .integer(buffers.buckets.count), "gathered_bytes": .integer(buffers.gathered.count),
      "transfer_bytes": .integer(buffers.transfers.count), "tokens_per_second": .optional(speed?.expected),
      "tokens_per_second_of_all_gpus": .optional(tokensPerSecond),
    ]
  }
}
