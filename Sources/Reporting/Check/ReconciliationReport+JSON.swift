import Bookkeeping

extension ReconciliationReport {
  public var json: OrderedJSON {
    let reconciliation = summary.reconciliation
    return [
      "title": .string(summary.title),
      "planned": side(reconciliation.planned, moment: summary.plannedMoment),
      "measured": side(reconciliation.measured, moment: summary.measuredMoment),
      "differences": .array(reconciliation.differences.compactMap(\.json)),
      "tides": .array(
        reconciliation.tides.map {
          [
            "moment": .string($0.moment), "account": .string($0.account.rawValue),
            "planned_bytes": .integer($0.planned.count), "measured_bytes": .integer($0.measured.count),
          ]
        }),
      "stray_moments": .array(reconciliation.strayMoments.map { .string($0) }),
      "balanced": .bool(reconciliation.isBalanced),
      "rss": [
        "baseline_bytes": .integer(summary.resident.baseline.count),
        "peak_bytes": .integer(summary.resident.peak.count),
        "explained_bytes": .integer(summary.resident.explained.count),
      ],
      "tokens_per_second": .number(summary.tokensPerSecond),
      "loss": .number(summary.loss),
      "steps": .array(summary.steps.map { ["loss": .number($0.loss), "seconds": .number($0.seconds)] }),
      "load_seconds": .number(summary.loadSeconds), "flops_per_step": .integer(summary.flopsPerStep.count),
      "flops_per_second": .number(summary.flopsPerSecond),
      "product_peak_flops_per_second": .optional(summary.productPeak),
      "limit": summary.limit.map(\.json) ?? .null,
      "profile": summary.profile.map(\.json) ?? .null,
      "stamp": .array(summary.stamp.map { .string($0) }),
    ]
  }

  private func side(_ peak: Peak, moment: String) -> OrderedJSON {
    ["accounts": peak.accounts.json, "peak": peak.json(moment: moment)]
  }
}

extension CheckSummary.Limit {
  fileprivate var json: OrderedJSON { ["bytes": .integer(bytes.count), "name": .string(name)] }
}

extension CheckSummary.Profile {
  fileprivate var json: OrderedJSON {
    [
      "product_share": .number(productShare),
      "operations": .array(
        lines.map {
          [
            "operation": .string($0.operation), "seconds": .number($0.seconds),
            "product_seconds": .number($0.productSeconds),
          ]
        }),
    ]
  }
}

extension Reconciliation.Line {
  /// The difference with the entry of each book that has one; `nil` where the books agree.
  fileprivate var json: OrderedJSON? {
    switch self {
    case .agreed: nil
    case .plannedOnly(let entry): ["kind": "planned_only", "planned": entry.lived, "measured": .null]
    case .measuredOnly(let entry): ["kind": "measured_only", "planned": .null, "measured": entry.lived]
    case .differing(let planned, let measured):
      ["kind": "differing", "planned": planned.lived, "measured": measured.lived]
    }
  }
}

extension Entry {
  /// The entry with its lifetime on the step's clock.
  fileprivate var lived: OrderedJSON {
    guard case .object(let members) = json else { return json }
    return .object(
      members + [
        OrderedJSON.Member("opened", .integer(opened.ordinal)),
        OrderedJSON.Member("closed", .optional(closed?.ordinal)),
      ])
  }
}
