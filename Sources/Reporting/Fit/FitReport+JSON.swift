import Bookkeeping
import Modeling
import Planning

extension FitReport {
  public var json: OrderedJSON {
    guard let explanation, case .object(let members) = plain else { return plain }
    return .object(members + [OrderedJSON.Member("explanation", ExplanationReport(explanation).json)])
  }

  private var plain: OrderedJSON {
    return [
      "model": plan.spec.json,
      "recipe": plan.recipe.json,
      "device": .optional(plan.target?.name),
      "budget_bytes": .integer(verdict.budget.count),
      "allocated_bytes": plan.allocated.json,
      "reserved_bytes": plan.reserved.json,
      "device_bytes": plan.device.json,
      "causes": .array(plan.device.causes.map { .string($0) }),
      "fits": .string(verdict.answer.rawValue),
      "headroom_bytes": .integer(verdict.headroom.count),
      "accounts": plan.accounts.json,
      "peak": plan.peak.json(moment: plan.peakMoment),
      "phases": plan.phases.json,
      "parameters": ["total": .integer(plan.parameters.total), "trainable": .integer(plan.parameters.trainable)],
      "flops": FitReport.flops(plan.work),
      "tokens_per_second": .optional(tokensPerSecond),
      // Everything else here is of one GPU; this is of all.
      "tokens_per_second_of_all_gpus": .optional(
        tokensPerSecond.map { $0 * Double(plan.recipe.parallelism.replicas) }),
      "tokens_per_second_range": plan.throughput.map { ["low": .number($0.low), "high": .number($0.high)] } ?? .null,
      "smallest_set": remedies?.smallestSet?.json ?? .null,
      "time": time.json,
      "data": data.map { DataStudyReport($0).json } ?? .null,
      "remedies": .array((remedies?.changes ?? []).map(\.json)),
      "largest_sequence": .optional(remedies?.largestSequence),
      "largest_micro_batch": .optional(remedies?.largestMicroBatch),
      "assumptions": .array(assumptions.map { .string($0) }),
    ]
  }
}

extension FitReport {
  /// Operations by phase, and in all.
  static func flops(_ work: WorkSheet) -> OrderedJSON {
    [
      "forward": .integer(work.total(.forward).count), "backward": .integer(work.total(.backward).count),
      "recompute": .integer(work.total(.recompute).count), "optimizer": .integer(work.total(.optimizer).count),
      "total": .integer(work.total.count),
    ]
  }
}

extension Interval {
  var json: OrderedJSON {
    ["low": .integer(low.count), "expected": .integer(expected.count), "high": .integer(high.count)]
  }
}

extension Remedy {
  var json: OrderedJSON {
    [
      "change": .string(change), "reason": .string(reason), "cost": .string(cost.rawValue),
      "saved_bytes": .integer(saved.count), "device_bytes": device.json, "fits": .bool(suffices),
      "tokens_per_second": .optional(tokensPerSecond),
    ]
  }
}

extension [Account: Bytes] {
  /// Every account in the order of the receipt, the empty ones too, so that a reader finds each.
  var json: OrderedJSON {
    .object(Account.allCases.map { OrderedJSON.Member($0.rawValue, .integer((self[$0] ?? .zero).count)) })
  }
}

extension Peak {
  /// Moment, bytes, and every entry alive then, the largest first.
  func json(moment: String) -> OrderedJSON {
    [
      "moment": .string(moment), "bytes": .integer(bytes.count), "entries": .array(entriesBySize.map(\.json)),
    ]
  }
}

extension Entry {
  var json: OrderedJSON {
    [
      "name": .string(name), "account": .string(account.rawValue),
      "shape": .array(shape.extents.map { .integer($0) }), "format": .string(format.rawValue),
      "bytes": .integer(bytes.count),
    ]
  }
}
