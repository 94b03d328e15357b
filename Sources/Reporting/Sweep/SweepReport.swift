public import Bookkeeping
import Planning

/// What `sweep` prints: a row for every point of a grid, in the grid's order.
public struct SweepReport: Report {
  public struct Row: Hashable, Sendable {
    /// The point's number in the whole grid, from 1.
    public let number: Int
    /// A value for each of the report's axes; `nil` where the method has no use for it.
    public let values: [String?]
    public let budget: Bytes?
    public let outcome: SweepOutcome

    public init(number: Int, values: [String?], budget: Bytes?, outcome: SweepOutcome) {
      (self.number, self.values, self.budget, self.outcome) = (number, values, budget, outcome)
    }
  }

  /// The model, or that it varies.
  public let title: String
  /// What is the same in every row, as flags.
  public let settings: String
  /// Names of flags that vary.
  public let axes: [String]
  public let rows: [Row]
  /// Whether the engine ran the points.
  public let isRun: Bool
  /// Whether it is said how far the memory's figures may go.
  public let hasIntervals: Bool
  /// What is to be known beside the rows, a sentence each.
  public let notes: [String]

  public init(
    title: String, settings: String, axes: [String], rows: [Row], isRun: Bool, hasIntervals: Bool, notes: [String]
  ) {
    self.title = title
    self.settings = settings
    self.axes = axes
    self.rows = rows
    self.isRun = isRun
    self.hasIntervals = hasIntervals
    self.notes = notes
  }

  /// Whether a run was started that did not end as it should.
  public var hasFailures: Bool { rows.contains { if case .failed = $0.outcome { true } else { false } } }

  // MARK: For programs

  public var json: OrderedJSON {
    [
      "model": .string(title), "settings": .string(settings), "axes": .array(axes.map { .string($0) }),
      "points": table.json, "notes": .array(notes.map { .string($0) }),
    ]
  }

  /// Everything, in columns that depend only on what was asked.
  public var table: Table {
    var columns = [Column("point", key: "point", .integer)] + axes.map { Column($0, key: SweepReport.key($0)) }
    columns += [Column("status", key: "status"), Column("reason", key: "reason")]
    let figures = PlannedColumns.all(intervals: hasIntervals)
    columns += figures.map(\.column)
    let measured = isRun ? MeasuredColumns.all : []
    columns += measured.map(\.column)
    return Table(
      columns,
      rows: rows.map { row in
        var cells: [Cell] = [.integer(row.number)]
        cells += row.values.map { $0.map { .text($0) } ?? .none }
        cells += [.text(row.outcome.status), row.outcome.reason.map { .text($0) } ?? .none]
        cells += figures.map { column in row.outcome.planned.map { column.cell($0, row.budget) } ?? .none }
        cells += measured.map { column in row.outcome.measured.map(column.cell) ?? .none }
        return cells
      })
  }

  /// An axis as a key: `grad-accum` becomes `grad_accum`.
  private static func key(_ axis: String) -> String {
    String(axis.map { $0 == "-" || $0 == "+" ? "_" : $0 })
  }

  // MARK: For people

  public var document: Document {
    var blocks: [Document.Block] = [.lead(sentence)]
    if !settings.isEmpty { blocks.append(.paragraph("The same everywhere: \(settings)")) }
    blocks.append(.table(page))
    let refused = refusals
    if !refused.isEmpty { blocks += [.heading("Without figures"), .list(refused)] }
    if !notes.isEmpty { blocks += [.heading("To know"), .list(notes)] }
    return Document(blocks)
  }

  private var sentence: String {
    let done = rows.count { $0.outcome.reason == nil }
    var sentence = "\(title): \(Phrase.count(rows.count, "point")), \(Fixed.grouped(done)) \(isRun ? "run" : "planned")"
    let refused = rows.count { if case .refused = $0.outcome { true } else { false } }
    if refused > 0 { sentence += ", \(Fixed.grouped(refused)) refused" }
    let failed = rows.count - done - refused
    if failed > 0 { sentence += ", \(Fixed.grouped(failed)) failed" }
    if rows.contains(where: { $0.budget != nil }) {
      let fitting = rows.count { $0.fits == .yes }
      sentence += "; \(Fixed.grouped(fitting)) \(fitting == 1 ? "fits" : "fit")"
    }
    return sentence
  }

  /// The columns that a page has room for.
  private var page: Table {
    let hasBudget = rows.contains { $0.budget != nil }
    let hasSpeed = rows.contains { $0.outcome.planned?.speed != nil }
    var columns = axes.map { Column($0, key: $0) }
    var cells: [(Row) -> Cell] = []
    func add(_ column: Column, _ cell: @escaping (Row) -> Cell) {
      columns.append(column)
      cells.append(cell)
    }
    func planned(_ value: @escaping (PlannedFigures) -> Cell) -> (Row) -> Cell {
      { row in row.outcome.planned.map(value) ?? .none }
    }
    add(Column("trainable", key: "trainable", .integer), planned { .integer($0.trainable) })
    if isRun {
      add(Column("TFLOP a step", key: "flops", .decimal(places: 2)), planned { .decimal(Double($0.work.count) / 1e12) })
      for column in MeasuredColumns.page { add(column.column) { $0.outcome.measured.map(column.cell) ?? .none } }
    } else {
      add(Column("allocated", key: "allocated", .gibibytes), planned { .bytes($0.allocated.expected) })
      add(Column("reserved", key: "reserved", .gibibytes), planned { .bytes($0.reserved.expected) })
      add(Column("device", key: "device", .gibibytes), planned { .bytes($0.device.expected) })
      if hasBudget {
        add(Column("fits", key: "fits")) { row in
          row.outcome.reason == nil ? row.fits.map { .text($0.rawValue) } ?? .none : .text(row.outcome.status)
        }
      }
      add(Column("TFLOP a step", key: "flops", .decimal(places: 2)), planned { .decimal(Double($0.work.count) / 1e12) })
      if hasSpeed {
        add(
          Column("tokens/s", key: "rate", .decimal(places: 0)),
          planned { $0.speed.map { .decimal($0.expected) } ?? .none })
      }
    }
    return Table(
      columns,
      rows: rows.map { row in
        row.values.map { $0.map { .text($0) } ?? .none } + cells.map { $0(row) }
      })
  }

  /// Why points have no figures, each reason once with the points that it is of.
  private var refusals: [String] {
    var order: [String] = []
    var numbers: [String: [Row]] = [:]
    for row in rows {
      guard let reason = row.outcome.reason else { continue }
      if numbers[reason] == nil { order.append(reason) }
      numbers[reason, default: []].append(row)
    }
    return order.map { reason in
      let all = numbers[reason] ?? []
      let named = all.prefix(3).map { row in
        zip(axes, row.values).map { "\($0)=\($1 ?? "–")" }.joined(separator: " ")
      }
      let more = all.count > named.count ? " and \(Fixed.grouped(all.count - named.count)) more" : ""
      return "\(named.joined(separator: "; "))\(more): \(reason)"
    }
  }
}

extension SweepReport.Row {
  /// Whether the point fits its budget; `nil` where there is none, or nothing to hold against it.
  var fits: Verdict.Answer? {
    guard let budget, let planned = outcome.planned else { return nil }
    return Verdict.answer(planned.device, budget: budget)
  }
}
