import Bookkeeping
import Modeling
import Planning

extension ProbeReport {
  public var json: OrderedJSON {
    let machine = recording.machine
    let whole = comparison.whole
    return [
      "model": recording.settings.spec.json,
      "recipe": recording.settings.recipe.json,
      "machine": [
        "name": .optional(machine.name), "total_bytes": .optional(machine.total?.count),
        "compute_capability": .optional(machine.computeCapability?.description),
      ],
      "packages": .object(recording.packages.map { OrderedJSON.Member($0.name, .string($0.version)) }),
      "depths": .array(
        recording.depths.map {
          ["layers": .integer($0.layers), "complete": .bool($0.isComplete), "failure": .optional($0.failure)]
        }),
      "phases": .array(comparison.lines.map(\.json)),
      "peaks": .array(comparison.peaks.map(\.json)),
      "whole": [
        "layers": .integer(whole.layers), "allocated": whole.allocated.json,
        "reserved": whole.reserved.map(\.json) ?? .null, "device_bytes": .optional(whole.device?.count),
        "fits": whole.fits.map { .bool($0) } ?? .null,
      ],
      "notes": .array(notes.map { .string($0) }),
    ]
  }
}

extension ProbeComparison.Pair {
  var json: OrderedJSON {
    [
      "layers": .integer(layers), "measured_bytes": .integer(measured.count), "planned_bytes": .integer(planned.count),
    ]
  }
}

extension ProbeComparison.Line {
  var json: OrderedJSON {
    [
      "phase": .string(phase.rawValue), "figure": .string(figure.rawValue),
      "measured": .array(pairs.map(\.json)),
      "per_layer": perLayer.map(\.json) ?? .null, "fixed": fixed.map(\.json) ?? .null, "even": .bool(isEven),
    ]
  }
}
