import Bookkeeping
import Modeling
import Planning

/// Comparisons as rows of one wide table with columns that stay: those of `fit`, and what only a comparison knows.
enum ComparisonTable {
  static func table(of comparisons: [Comparison]) -> Table {
    // Runs have their columns where somebody said how long one is.
    let hasRuns = comparisons.contains { $0.run != nil }
    return Table(
      columns + (hasRuns ? runColumns : []),
      rows: comparisons.flatMap { comparison in
        comparison.rows.map { row($0, of: comparison) + (hasRuns ? runCells($0) : []) }
      })
  }

  private static let runColumns = [
    Column("steps of the run", key: "run_steps", .integer),
    Column("the run", key: "run_hours", .decimal(places: 4), unit: "h"),
  ]

  private static func runCells(_ row: Comparison.Row) -> [Cell] {
    [.optional(row.planned?.run?.steps), .optional(row.planned?.run?.hours)]
  }

  private static let columns: [Column] =
    [Column("name", key: "name")] + PlanTable.columns + [
      Column("share", key: "trainable_share", .percent(places: 3)),
      Column("speed of", key: "speed_device"),
      Column("at least", key: "tokens_per_second_low", .decimal(places: 0), unit: "tokens/s"),
      Column("at most", key: "tokens_per_second_high", .decimal(places: 0), unit: "tokens/s"),
      Column("step", key: "step_seconds", .decimal(places: 4), unit: "s"),
      Column("smallest card", key: "smallest_card"),
      Column("its memory", key: "smallest_card_bytes", .bytes),
      Column("needed there", key: "smallest_card_device_bytes", .bytes),
      Column("carries it", key: "smallest_card_fits"), Column("refusal", key: "refusal"),
    ]

  private static func row(_ row: Comparison.Row, of comparison: Comparison) -> [Cell] {
    switch row.outcome {
    case .refused(let error):
      let names: [Cell] = [.text(row.method.name), .text(comparison.spec.name), .text(row.method.method.rawValue)]
      return names + Array(repeating: .none, count: columns.count - names.count - 1) + [.text("\(error)")]
    case .planned(let planned):
      // The speed is that of the named card or the smallest, whichever the plan is of.
      let plan = PlanTable.row(planned.verdict).dropLast() + [planned.speed.map { .decimal($0.expected) } ?? .none]
      let speed: [Cell] = [
        .percent(planned.plan.parameters.share), planned.speedDevice.map { .text($0.name) } ?? .none,
        planned.speed.map { .decimal($0.low) } ?? .none, planned.speed.map { .decimal($0.high) } ?? .none,
        planned.speed.map { .decimal($0.seconds.expected) } ?? .none,
      ]
      let card: [Cell] =
        planned.smallest.map {
          [
            .text($0.device.name), .bytes($0.device.usable), .bytes($0.bytes.expected), .text($0.answer.rawValue),
          ]
        } ?? [.none, .none, .none, .none]
      return [.text(row.method.name)] + plan + speed + card + [.none]
    }
  }
}
