import Bookkeeping
public import Modeling
public import Planning

/// What `stacks` prints: one recipe on every stack, side by side.
public struct StacksReport: Report {
  /// A stack, and the plan on it or why there is none.
  public struct Row: Sendable {
    public let stack: Stack
    public let plan: Plan?
    /// Why there is no plan; a sentence.
    public let refusal: String?

    public init(_ stack: Stack, plan: Plan) {
      (self.stack, self.plan, refusal) = (stack, plan, nil)
    }

    public init(_ stack: Stack, refusal: String) {
      (self.stack, plan, self.refusal) = (stack, nil, refusal)
    }
  }

  public let model: String
  public let rows: [Row]
  /// The stack that the others are compared with.
  public let baseline: Stack

  public init(model: String, rows: [Row], baseline: Stack = .trl) {
    self.model = model
    self.rows = rows
    self.baseline = baseline
  }

  /// Everything that is known, for programs.
  public var table: Table {
    let figures = ["allocated", "reserved", "device"].map { Column($0, key: "\($0)_bytes", .bytes) }
    let accounts = Account.allCases.map { Column($0.title, key: "\($0.key)_bytes", .bytes) }
    return Table(
      [Column("name", key: "name"), Column("stack", key: "title"), Column("software", key: "software")] + figures
        + [Column("peak", key: "peak_moment")] + accounts + [Column("refusal", key: "refusal")],
      rows: rows.map { row in
        let description = row.stack.description
        let names: [Cell] = [
          .text(row.stack.rawValue), .text(description.title), .text(description.software.joined(separator: ", ")),
        ]
        guard let plan = row.plan else {
          let empty = Array(repeating: Cell.none, count: figures.count + 1 + accounts.count)
          return names + empty + [row.refusal.map { .text($0) } ?? .none]
        }
        let totals = [plan.allocated, plan.reserved, plan.device].map { Cell.bytes($0.expected) }
        let byAccount = plan.accounts
        return names + totals + [.text(plan.peakMoment)]
          + Account.allCases.map { .bytes(byAccount[$0] ?? .zero) } + [.none]
      })
  }

  public var json: OrderedJSON { table.json }

  public var document: Document {
    let planned = rows.compactMap { row in row.plan.map { (row.stack, $0) } }
    var blocks: [Document.Block] = []
    if let (stack, plan) = planned.first(where: { $0.0 == baseline }) ?? planned.first {
      blocks.append(.lead("\(model), \(plan.recipe.method.name.rawValue): every stack beside \(stack.rawValue)"))
    }
    blocks += [
      .table(overview),
      .paragraph(
        "Every stack with its own defaults for what the flags leave open; plimsoll stacks --about NAME says what it does "
          + "and where that was read."),
    ]
    let differences = planned.filter { $0.0 != baseline }.compactMap { stack, plan in
      difference(plan).map { Document.Fact(stack.rawValue, $0) }
    }
    if !differences.isEmpty {
      blocks += [.heading("At the peak, against \(baseline.rawValue)"), .facts(differences)]
    }
    let refusals = rows.compactMap { row in row.refusal.map { Document.Fact(row.stack.rawValue, $0) } }
    if !refusals.isEmpty { blocks += [.heading("Not planned"), .facts(refusals)] }
    return Document(blocks)
  }

  private var overview: Table {
    Table(
      [
        Column("name", key: "name"), Column("allocated", key: "allocated_bytes", .gibibytes),
        Column("reserved", key: "reserved_bytes", .gibibytes), Column("device", key: "device_bytes", .gibibytes),
        Column("peak", key: "peak_moment"),
      ],
      rows: rows.map { row in
        guard let plan = row.plan else { return [.text(row.stack.rawValue), .none, .none, .none, "not planned"] }
        return [
          .text(row.stack.rawValue), .bytes(plan.allocated.expected), .bytes(plan.reserved.expected),
          .bytes(plan.device.expected), .text(plan.peakMoment),
        ]
      })
  }

  /// The accounts that differ at the peak by at least a MiB, the most first.
  private func difference(_ plan: Plan) -> String? {
    guard let base = rows.first(where: { $0.stack == baseline })?.plan else { return nil }
    let (ours, theirs) = (plan.ledger.peak.accounts, base.ledger.peak.accounts)
    let changes = Account.allCases.map { ($0, (ours[$0] ?? .zero).count - (theirs[$0] ?? .zero).count) }
      .filter { abs($0.1) >= Bytes.mebi.count }.sorted { abs($0.1) > abs($1.1) }
    guard !changes.isEmpty else { return "the same" }
    return changes.map { account, bytes in
      "\(account.title) \(bytes < 0 ? "−" : "+")\(Bytes(abs(bytes)))"
    }.joined(separator: ", ")
  }
}
