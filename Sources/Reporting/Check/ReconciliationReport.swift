import Bookkeeping

/// What `check` prints: the planned books beside the measured ones, and every line in which they differ.
public struct ReconciliationReport: Report {
  public let summary: CheckSummary

  public init(_ summary: CheckSummary) { self.summary = summary }

  private var reconciliation: Reconciliation { summary.reconciliation }

  /// Planned beside measured, account by account, at the two peaks.
  public var table: Table {
    let planned = reconciliation.planned
    let measured = reconciliation.measured
    let accounts = Account.allCases.filter { planned.accounts[$0] != nil || measured.accounts[$0] != nil }
    return Table(
      [
        Column("account", key: "account"), Column("planned", key: "planned_bytes", .integer, unit: "bytes"),
        Column("measured", key: "measured_bytes", .integer, unit: "bytes"),
        Column("difference", key: "difference_bytes", .integer, unit: "bytes"),
      ],
      rows: accounts.map { account in
        ReconciliationReport.row(
          .text(account.title), planned.accounts[account] ?? .zero, measured.accounts[account] ?? .zero)
      },
      total: ReconciliationReport.row("peak", planned.bytes, measured.bytes))
  }

  private static func row(_ name: Cell, _ planned: Bytes, _ measured: Bytes) -> [Cell] {
    [name, .integer(planned.count), .integer(measured.count), .integer((measured - planned).count)]
  }

  public var document: Document {
    var blocks: [Document.Block] = [.lead(sentence)]
    blocks += [.heading("At the peak, in \(summary.plannedMoment)"), .table(table)]
    if summary.plannedMoment != summary.measuredMoment {
      blocks.append(.paragraph("The measured peak lies elsewhere: in \(summary.measuredMoment)."))
    }
    blocks += entryBlocks + tideBlocks
    let resident = summary.resident
    blocks += [
      .heading("As the operating system saw it"),
      .facts(
        [
          Document.Fact("baseline", "\(Phrase.mebibytes(resident.baseline)) resident before the first tensor"),
          Document.Fact("peak", "\(Phrase.mebibytes(resident.peak)) resident at the highest"),
          Document.Fact("explained", "\(Phrase.mebibytes(resident.explained)), \(ReconciliationReport.gap(resident))"),
        ] + limitFacts),
      .heading("The step"),
      .facts([
        Document.Fact("loss", Fixed.text(summary.loss, decimals: 6)),
        Document.Fact("speed", speed),
      ]),
    ]
    if let profile = summary.profile { blocks += ReconciliationReport.blocks(of: profile) }
    if !summary.stamp.isEmpty { blocks += [.heading("Measured with"), .list(summary.stamp)] }
    return Document(blocks)
  }

  /// Tokens and operations a second, and how near these come to what products alone reach here.
  private var speed: String {
    var text = "\(Phrase.rate(summary.tokensPerSecond)) tokens/s"
    guard summary.flopsPerSecond > 0 else { return text }
    text += ", \(Fixed.text(summary.flopsPerSecond / 1e9, decimals: 1)) GFLOP/s"
    guard let peak = summary.productPeak, peak > 0 else { return text }
    return text + ": \(Fixed.text(summary.flopsPerSecond / peak * 100, decimals: 1)) % of the "
      + "\(Fixed.text(peak / 1e9, decimals: 1)) GFLOP/s that this machine's products reach"
  }

  /// Operations shown to people; programs get them all.
  private static let profileLimit = 12

  private static func blocks(of profile: CheckSummary.Profile) -> [Document.Block] {
    let table = Table(
      [
        Column("operation", key: "operation"), Column("time", key: "milliseconds", .decimal(places: 1), unit: "ms"),
        Column("in products", key: "product_milliseconds", .decimal(places: 1), unit: "ms"),
      ],
      rows: profile.lines.prefix(profileLimit).map {
        [.text($0.operation), .decimal($0.seconds * 1e3), .decimal($0.productSeconds * 1e3)]
      })
    let share = Fixed.text(profile.productShare * 100, decimals: 1)
    return [.heading("Where the last step's time went: \(share) % inside matrix products"), .table(table)]
  }

  private var limitFacts: [Document.Fact] {
    summary.limit.map {
      [Document.Fact("limit", "\(Phrase.mebibytes($0.bytes)), which the system enforces (\($0.name))")]
    } ?? []
  }

  private static func gap(_ resident: CheckSummary.ResidentBytes) -> String {
    let gap = resident.peak - resident.explained
    if gap == .zero { return "to the byte" }
    return gap < .zero
      ? "\(Phrase.mebibytes(Bytes(-gap.count))) more than the peak" : "\(Phrase.mebibytes(gap)) less than the peak"
  }

  private var sentence: String {
    let entries = Phrase.count(reconciliation.lines.count, "entry", plural: "entries")
    if reconciliation.isBalanced {
      return "\(summary.title): the books balance, \(entries), \(Fixed.grouped(reconciliation.planned.bytes.count)) "
        + "bytes at the peak, planned and measured"
    }
    return "\(summary.title): the books do not balance, \(reconciliation.differences.count) of \(entries) and "
      + "\(Phrase.count(reconciliation.tides.count, "tide")) differ"
  }

  /// Differences shown to people; programs get them all.
  private static let limit = 20

  private var entryBlocks: [Document.Block] {
    let differences = reconciliation.differences
    guard !differences.isEmpty else { return [] }
    let table = Table(
      [
        Column("entry", key: "name"), Column("", key: "kind"), Column("account", key: "account"),
        Column("shape", key: "shape"), Column("format", key: "format"),
        Column("bytes", key: "bytes", .integer), Column("moments", key: "moments"),
      ],
      rows: differences.prefix(ReconciliationReport.limit).flatMap(ReconciliationReport.rows))
    return [.heading("Entries that differ"), .table(table)] + more(than: differences.count)
  }

  private static func rows(of line: Reconciliation.Line) -> [[Cell]] {
    switch line {
    case .agreed: []
    case .plannedOnly(let entry): [row("planned only", entry)]
    case .measuredOnly(let entry): [row("measured only", entry)]
    case .differing(let planned, let measured): [row("planned", planned), row("measured", measured)]
    }
  }

  private static func row(_ kind: Cell, _ entry: Entry) -> [Cell] {
    [
      .text(entry.name), kind, .text(entry.account.title), .text(entry.shape.description),
      .text(entry.format.rawValue), .integer(entry.bytes.count),
      .text("\(entry.opened.ordinal)–\(entry.closed.map { "\($0.ordinal)" } ?? "end")"),
    ]
  }

  private var tideBlocks: [Document.Block] {
    var blocks: [Document.Block] = []
    if !reconciliation.tides.isEmpty {
      let table = Table(
        [
          Column("moment", key: "moment"), Column("account", key: "account"),
          Column("planned", key: "planned_bytes", .integer, unit: "bytes"),
          Column("measured", key: "measured_bytes", .integer, unit: "bytes"),
        ],
        rows: reconciliation.tides.prefix(ReconciliationReport.limit).map {
          [.text($0.moment), .text($0.account.title), .integer($0.planned.count), .integer($0.measured.count)]
        })
      blocks +=
        [.heading("Moments whose highest water differs"), .table(table)] + more(than: reconciliation.tides.count)
    }
    if !reconciliation.strayMoments.isEmpty {
      blocks += [.heading("Moments that only one clock has"), .list(reconciliation.strayMoments)]
    }
    return blocks
  }

  private func more(than count: Int) -> [Document.Block] {
    let rest = count - ReconciliationReport.limit
    return rest > 0 ? [.paragraph("… and \(Fixed.grouped(rest)) more: --format json lists them all.")] : []
  }
}
