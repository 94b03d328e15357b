import Bookkeeping
import Modeling
import Planning

extension ComparisonReport {
  public var json: OrderedJSON {
    [
      "model": comparison.spec.json, "device": .optional(comparison.device?.name),
      "budget_bytes": .optional(comparison.budget?.count), "run": comparison.run.map { RunBlocks.json($0) } ?? .null,
      "methods": .array(comparison.rows.map { json(of: $0) }),
      "assumptions": .array(comparison.assumptions.map { .string($0) }),
    ]
  }

  private func json(of row: Comparison.Row) -> OrderedJSON {
    switch row.outcome {
    case .refused(let error):
      return [
        "name": .string(row.method.name), "method": .string(row.method.method.rawValue),
        "refusal": .string("\(error)"),
      ]
    case .planned(let planned):
      let plan = planned.plan
      return [
        "name": .string(row.method.name), "method": .string(plan.recipe.method.name.rawValue),
        "title": .string(plan.recipe.method.title), "recipe": plan.recipe.json, "device": .optional(plan.target?.name),
        "budget_bytes": .integer(planned.verdict.budget.count), "allocated_bytes": plan.allocated.json,
        "reserved_bytes": plan.reserved.json, "device_bytes": plan.device.json,
        "fits": .string(planned.verdict.answer.rawValue),
        "headroom_bytes": .integer(planned.verdict.headroom.count), "accounts": plan.accounts.json,
        "peak_moment": .string(plan.peakMoment),
        "parameters": [
          "total": .integer(plan.parameters.total), "trainable": .integer(plan.parameters.trainable),
          "share": .number(plan.parameters.share),
        ],
        "flops": FitReport.flops(plan.work),
        "tokens_per_second": .optional(planned.speed?.expected),
        "tokens_per_second_range": planned.speed.map { ["low": .number($0.low), "high": .number($0.high)] } ?? .null,
        "step_seconds": planned.speed?.seconds.json ?? .null, "bound": .optional(planned.speed?.bound.rawValue),
        "speed_device": .optional(planned.speedDevice?.name), "run": planned.run?.json ?? .null,
        "smallest_card": planned.smallest?.json ?? .null,
        "assumptions": .array(plan.assumptions.filter { !comparison.assumptions.contains($0) }.map { .string($0) }),
      ]
    }
  }
}

extension SmallestCard {
  fileprivate var json: OrderedJSON {
    [
      "name": .string(device.name), "title": .string(device.title), "usable_bytes": .integer(device.usable.count),
      "device_bytes": bytes.json, "fits": .string(answer.rawValue),
    ]
  }
}
