import Bookkeeping
import Modeling
import Planning

extension ValidationReport {
  public var json: OrderedJSON {
    let summary = validation.summary
    let share = validation.refusedShare
    var members: [OrderedJSON.Member] = [
      OrderedJSON.Member("file", .string(file)), OrderedJSON.Member("rows", table.json),
      OrderedJSON.Member(
        "summary",
        .object(
          (summary.errors?.members ?? [OrderedJSON.Member("count", .integer(0))]) + [
            OrderedJSON.Member("inside", .optional(summary.inside)),
            OrderedJSON.Member("grouped_mean", .optional(summary.groupedMean)),
            OrderedJSON.Member("grouped_bias", .optional(summary.groupedBias)),
            OrderedJSON.Member("groups", .integer(summary.pairs)),
            OrderedJSON.Member(
              "refused",
              [
                "count": .integer(share.refused), "of": .integer(share.of),
                "reasons": .array(validation.refused.map(\.json)),
              ]),
            OrderedJSON.Member("out_of_memory", outOfMemoryJSON), OrderedJSON.Member("verdicts", verdictsJSON),
            OrderedJSON.Member("second_metric", ValidationReport.json(validation.alternatives)),
            OrderedJSON.Member("tokens_per_second", ValidationReport.json(validation.speed)),
            OrderedJSON.Member("confidence_c", ValidationReport.json(validation.plausibilitySummary.errors)),
            OrderedJSON.Member("unreadable", .array(validation.problems.map { .string($0.description) })),
          ])),
    ]
    for key in ValidationSummary.Key.allCases {
      members.append(
        OrderedJSON.Member("per_\(key.rawValue)", .array((summary.groups[key] ?? []).map(\.json))))
    }
    members.append(
      OrderedJSON.Member("tokens_per_second_per_device", .array(validation.speedByDevice.map(\.json))))
    return .object(members)
  }

  private var outOfMemoryJSON: OrderedJSON {
    let known = validation.outOfMemory.compactMap(\.foresawOutOfMemory)
    return ["foreseen": .integer(known.count { $0 }), "of": .integer(known.count)]
  }

  private var verdictsJSON: OrderedJSON {
    let (finished, outOfMemory) = validation.verdicts
    let (right, all) = (finished.right + outOfMemory.right, finished.of + outOfMemory.of)
    return [
      "right": .optional(all > 0 ? Double(right) / Double(all) : nil), "of": .integer(all),
      "finished": ["right": .integer(finished.right), "of": .integer(finished.of)],
      "out_of_memory": ["right": .integer(outOfMemory.right), "of": .integer(outOfMemory.of)],
    ]
  }

  private static func json(_ errors: ErrorStatistics?) -> OrderedJSON { errors.map { .object($0.members) } ?? .null }
}

extension ErrorStatistics {
  fileprivate var members: [OrderedJSON.Member] {
    [
      OrderedJSON.Member("count", .integer(count)), OrderedJSON.Member("median", .number(median)),
      OrderedJSON.Member("mean", .number(mean)), OrderedJSON.Member("p90", .number(p90)),
      OrderedJSON.Member("worst", .number(worst)), OrderedJSON.Member("bias", .number(bias)),
    ]
  }
}

extension ValidationSummary.Group {
  fileprivate var json: OrderedJSON {
    .object(
      [OrderedJSON.Member("name", .string(name))] + errors.members + [OrderedJSON.Member("inside", .number(inside))])
  }
}

extension Validation.Refused {
  fileprivate var json: OrderedJSON {
    ["id": .string(row.id), "reason": .string(refusal.reason.rawValue), "text": .string(refusal.text)]
  }
}
