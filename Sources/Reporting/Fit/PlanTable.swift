import Bookkeeping
import Modeling
public import Planning

/// Plans as rows of one wide table with columns that stay: what a spreadsheet of many plans is made of.
public enum PlanTable {
  public static func table(of verdicts: [Verdict]) -> Table {
    Table(columns, rows: verdicts.map(row))
  }

  static let columns: [Column] =
    [
      Column("model", key: "model"), Column("method", key: "method"), Column("stack", key: "stack"),
      Column("rank", key: "rank", .integer), Column("quantization", key: "quant"),
      Column("weights", key: "dtype"), Column("precision", key: "precision"), Column("optimizer", key: "optimizer"),
      Column("batch", key: "batch", .integer), Column("sequence", key: "seq", .integer),
      Column("accumulation", key: "grad_accum", .integer), Column("checkpointing", key: "checkpointing", .flag),
      Column("attention", key: "attention"), Column("loss", key: "loss"), Column("device", key: "device"),
      Column("budget", key: "budget_bytes", .bytes), Column("fits", key: "fits"),
      Column("headroom", key: "headroom_bytes", .bytes),
    ]
    + ["allocated", "reserved", "device"].flatMap { figure in
      ["low", "expected", "high"].map { Column("\(figure), \($0)", key: "\(figure)_\($0)_bytes", .bytes) }
    }
    + Account.allCases.map { Column($0.title, key: "\($0.key)_bytes", .bytes) }
    + [
      Column("peak", key: "peak_moment"), Column("parameters", key: "parameters", .integer),
      Column("trainable", key: "trainable_parameters", .integer),
    ]
    + WorkSheet.Phase.allCases.map { Column($0.rawValue, key: "\($0.rawValue)_flops", .integer) }
    + [Column("speed", key: "tokens_per_second", .decimal(places: 0), unit: "tokens/s")]

  static func row(_ verdict: Verdict) -> [Cell] {
    let plan = verdict.plan
    let recipe = plan.recipe
    let settings: [Cell] = [
      .text(plan.spec.name), .text(recipe.method.name.rawValue), .text(recipe.stack.rawValue),
      recipe.method.adapter.map { .integer($0.rank) } ?? .none, .text(recipe.method.quantization?.text ?? "none"),
      .text(recipe.weightFormat.rawValue), .text(recipe.precision.rawValue), .text(recipe.optimizer.kind.rawValue),
      .integer(recipe.batch.microBatch), .integer(recipe.batch.sequence), .integer(recipe.batch.accumulation),
      .flag(recipe.usesGradientCheckpointing), .text(recipe.attention.rawValue), .text(recipe.loss.rawValue),
      plan.target.map { .text($0.name) } ?? .none,
    ]
    let judgment: [Cell] = [.bytes(verdict.budget), .text(verdict.answer.rawValue), .bytes(verdict.headroom)]
    let intervals: [Cell] = [plan.allocated, plan.reserved, plan.device]
      .flatMap { [.bytes($0.low), .bytes($0.expected), .bytes($0.high)] }
    let byAccount = plan.accounts
    let accounts = Account.allCases.map { Cell.bytes(byAccount[$0] ?? .zero) }
    let counts: [Cell] = [
      .text(plan.peakMoment), .integer(plan.parameters.total), .integer(plan.parameters.trainable),
    ]
    let work = WorkSheet.Phase.allCases.map { Cell.integer(plan.work.total($0).count) }
    let speed: Cell = plan.throughput.map { .decimal($0.expected) } ?? .none
    return settings + judgment + intervals + accounts + counts + work + [speed]
  }
}

extension Account {
  /// The account as a column is called: `optimizer_state`.
  var key: String {
    rawValue.reduce(into: "") { key, letter in
      if letter.isUppercase { key.append("_") }
      key += letter.lowercased()
    }
  }
}
