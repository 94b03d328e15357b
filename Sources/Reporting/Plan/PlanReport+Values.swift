import Bookkeeping
import Modeling
import Planning

extension PlanReport {
  /// A row a method, for spreadsheets.
  public var table: Table {
    let sequences = capacity.sequences
    var columns = [
      Column("model", key: "model"), Column("method", key: "method"), Column("stack", key: "stack"),
      Column("device", key: "device"), Column("budget", key: "budget_bytes", .bytes),
      Column("device bytes", key: "device_bytes", .bytes), Column("fits", key: "fits", .flag),
      Column("longest sequence", key: "largest_sequence", .integer),
      Column("largest batch", key: "largest_micro_batch", .integer),
      Column("largest rank", key: "largest_rank", .integer),
    ]
    columns += sequences.map { Column("batch at \($0)", key: "largest_micro_batch_at_\($0)", .integer) }
    columns += [
      Column("tokens/s", key: "fastest_tokens_per_second", .decimal(places: 0)),
      Column("batch", key: "fastest_batch", .integer), Column("checkpoints", key: "fastest_checkpointing", .flag),
      Column("attention", key: "fastest_attention"), Column("loss", key: "fastest_loss"),
      Column("bytes", key: "fastest_device_bytes", .bytes),
    ]
    if capacity.run != nil {
      columns += [
        Column("steps", key: "run_steps", .integer),
        Column("the run", key: "run_hours", .decimal(places: 4), unit: "h"),
      ]
    }
    columns.append(Column("smallest changes", key: "smallest_changes"))
    return Table(columns, rows: capacity.methods.map { row($0, sequences) })
  }

  private func row(_ method: MethodCapacity, _ sequences: [Int]) -> [Cell] {
    let recipe = method.recipe
    var cells: [Cell] = [
      .text(capacity.spec.name), .text(recipe.method.name.rawValue), .text(recipe.stack.rawValue),
      capacity.device.map { .text($0.name) } ?? .none, .bytes(capacity.budget), .bytes(method.device.expected),
      .flag(method.fits), .optional(method.sequence?.largest), .optional(method.microBatch?.largest),
      .optional(method.rank?.largest),
    ]
    cells += sequences.map { sequence in
      .optional(method.frontier.first { $0.sequence == sequence }?.microBatch)
    }
    if let fastest = method.fastest {
      let best = fastest.recipe
      cells += [
        .decimal(fastest.speed.expected), .integer(best.batch.microBatch), .flag(best.usesGradientCheckpointing),
        .text(best.attention.rawValue), .text(best.loss.rawValue), .bytes(fastest.device.expected),
      ]
    } else {
      cells += Array(repeating: .none, count: 6)
    }
    if capacity.run != nil { cells += [.optional(method.fastest?.run?.steps), .optional(method.fastest?.run?.hours)] }
    cells.append(method.remedy.map { .text($0.flags) } ?? .none)
    return cells
  }

  public var json: OrderedJSON {
    [
      "model": capacity.spec.json, "device": .optional(capacity.device?.name),
      "budget_bytes": .integer(capacity.budget.count), "speeds_of": .string(capacity.card.name),
      "run": capacity.run.map { RunBlocks.json($0) } ?? .null,
      "fits": .bool(capacity.methods.contains { $0.fits }),
      "method": .string(capacity.choice.recipe.method.name.rawValue),
      "recipe": capacity.chosen?.json ?? .null, "methods": .array(capacity.methods.map(\.json)),
      "left_out": .array(
        capacity.refusals.map { ["method": .string($0.method.rawValue), "reason": .string($0.reason)] }),
      "assumptions": .array(assumptions.map { .string($0) }),
    ]
  }
}

extension MethodCapacity {
  var json: OrderedJSON {
    [
      "method": .string(recipe.method.name.rawValue), "recipe": recipe.json, "device_bytes": device.json,
      "fits": .bool(fits), "largest_sequence": sequence?.json ?? .null,
      "largest_micro_batch": microBatch?.json ?? .null,
      "largest_rank": rank?.json ?? .null,
      "frontier": .array(
        frontier.map { ["seq": .integer($0.sequence), "largest_micro_batch": .optional($0.microBatch)] }),
      "fastest": fastest?.json ?? .null, "remedy": remedy?.json ?? .null,
    ]
  }
}

extension Reach.Stretch {
  var json: OrderedJSON {
    [
      "largest": .integer(largest), "device_bytes": .integer(device.count), "is_top": .bool(isTop),
      "holes": .array(holes.map { .integer($0) }),
    ]
  }
}

extension FastRecipe {
  var json: OrderedJSON {
    [
      "recipe": recipe.json, "device_bytes": device.json, "tokens_per_second": .number(speed.expected),
      "tokens_per_second_range": ["low": .number(speed.low), "high": .number(speed.high)],
      "run": run?.json ?? .null,
    ]
  }
}

extension RemedySet {
  var json: OrderedJSON {
    [
      "flags": .string(flags), "changes": .array(changes.map(\.json)), "device_bytes": device.json,
      "tokens_per_second_before": .optional(tokensPerSecondBefore), "recipe": recipe.json,
    ]
  }
}
