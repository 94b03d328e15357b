import Bookkeeping
import Planning

/// A column of what was planned, with where its cells come from.
struct PlannedColumns {
  let column: Column
  let cell: (PlannedFigures, _ budget: Bytes?) -> Cell

  /// - Parameter intervals: whether it is said how far the memory's figures may go.
  static func all(intervals: Bool) -> [PlannedColumns] {
    func interval(_ name: String, _ figure: @escaping (PlannedFigures) -> Interval) -> [PlannedColumns] {
      let all = Self.interval(name, figure)
      return intervals ? all : [all[1]]
    }
    var list = [
      plain("parameters", "parameters") { .integer($0.parameters) },
      plain("trainable", "trainable_parameters") { .integer($0.trainable) },
    ]
    list += interval("allocated") { $0.allocated } + interval("reserved") { $0.reserved }
    list += interval("device") { $0.device }
    list += [
      PlannedColumns(column: Column("budget", key: "budget_bytes", .bytes)) { _, budget in
        budget.map { .bytes($0) } ?? .none
      },
      PlannedColumns(column: Column("fits", key: "fits")) { figures, budget in
        budget.map { .text(Verdict.answer(figures.device, budget: $0).rawValue) } ?? .none
      },
      PlannedColumns(column: Column("headroom", key: "headroom_bytes", .bytes)) { figures, budget in
        budget.map { .bytes($0 - figures.device.expected) } ?? .none
      },
      PlannedColumns(column: Column("peak", key: "peak_moment")) { figures, _ in .text(figures.peakMoment) },
    ]
    list += Account.allCases.map { account in
      PlannedColumns(column: Column(account.title, key: key(of: account) + "_bytes", .bytes)) { figures, _ in
        .bytes(figures.accounts[account] ?? .zero)
      }
    }
    return list + [
      plain("forward", "forward_flops") { .integer($0.forward.count) },
      plain("backward", "backward_flops") { .integer($0.backward.count) },
      plain("recompute", "recompute_flops") { .integer($0.recompute.count) },
      plain("optimizer", "optimizer_flops") { .integer($0.optimizer.count) },
      plain("work", "flops") { .integer($0.work.count) },
      rate("tokens/s at least", "tokens_per_second_low") { $0.low },
      rate("tokens/s", "tokens_per_second") { $0.expected },
      rate("tokens/s at most", "tokens_per_second_high") { $0.high },
    ]
  }

  private static func plain(_ title: String, _ key: String, _ cell: @escaping (PlannedFigures) -> Cell) -> Self {
    PlannedColumns(column: Column(title, key: key, .integer)) { figures, _ in cell(figures) }
  }

  private static func rate(_ title: String, _ key: String, _ rate: @escaping (PlannedFigures.Speed) -> Double) -> Self {
    PlannedColumns(column: Column(title, key: key, .decimal(places: 0))) { figures, _ in
      figures.speed.map { .decimal(rate($0)) } ?? .none
    }
  }

  private static func interval(_ name: String, _ interval: @escaping (PlannedFigures) -> Interval) -> [Self] {
    [
      PlannedColumns(column: Column("\(name) at least", key: "\(name)_low_bytes", .bytes)) { figures, _ in
        .bytes(interval(figures).low)
      },
      PlannedColumns(column: Column(name, key: "\(name)_bytes", .bytes)) { figures, _ in
        .bytes(interval(figures).expected)
      },
      PlannedColumns(column: Column("\(name) at most", key: "\(name)_high_bytes", .bytes)) { figures, _ in
        .bytes(interval(figures).high)
      },
    ]
  }

  /// `optimizer_state` of `optimizerState`.
  private static func key(of account: Account) -> String {
    account.rawValue.reduce(into: "") { key, letter in
      if letter.isUppercase { key += "_" }
      key += letter.lowercased()
    }
  }
}

/// A column of what was measured.
struct MeasuredColumns {
  let column: Column
  let cell: (MeasuredFigures) -> Cell

  static var all: [MeasuredColumns] {
    [
      MeasuredColumns(column: Column("steps", key: "steps", .integer)) { $0.steps.map { .integer($0) } ?? .none },
      loss("first loss", "first_loss") { $0.firstLoss }, loss("last loss", "last_loss") { $0.lastLoss },
      loss("evaluation before", "evaluation_loss_before") { $0.evaluationBefore },
      loss("evaluation", "evaluation_loss") { $0.evaluation },
      size("planned peak", "planned_peak_bytes") { $0.plannedPeak },
      size("measured peak", "measured_peak_bytes") { $0.peak },
      size("resident growth", "rss_growth_bytes") { $0.residentGrowth },
      MeasuredColumns(column: Column("tokens/s", key: "measured_tokens_per_second", .decimal(places: 1))) {
        $0.tokensPerSecond.map { .decimal($0) } ?? .none
      },
      MeasuredColumns(column: Column("balanced", key: "balanced", .flag)) { $0.isBalanced.map { .flag($0) } ?? .none },
    ]
  }

  /// What a page has room for.
  static var page: [MeasuredColumns] {
    let wanted = [
      "last_loss", "evaluation_loss", "planned_peak_bytes", "measured_peak_bytes", "rss_growth_bytes",
      "measured_tokens_per_second", "balanced",
    ]
    return all.filter { wanted.contains($0.column.key) }
  }

  private static func loss(_ title: String, _ key: String, _ value: @escaping (MeasuredFigures) -> Double?) -> Self {
    MeasuredColumns(column: Column(title, key: key, .decimal(places: 4))) { value($0).map { .decimal($0) } ?? .none }
  }

  private static func size(_ title: String, _ key: String, _ value: @escaping (MeasuredFigures) -> Bytes?) -> Self {
    MeasuredColumns(column: Column(title, key: key, .mebibytes)) { value($0).map { .bytes($0) } ?? .none }
  }
}
