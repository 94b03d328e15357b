import Bookkeeping

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

enum Exponential {
  static func of(_ value: Double) -> Double { exp(value) }
}

/// What `run` prints at its end: how the loss moved, how fast, and the memory by account beside the plan.
public struct RunReport: Report {
  public let summary: RunSummary

  public init(_ summary: RunSummary) { self.summary = summary }

  /// Planned beside measured, account by account, at the two peaks.
  public var table: Table {
    let planned = summary.planned?.accounts ?? [:]
    let measured = summary.measured?.accounts ?? [:]
    func row(_ name: Cell, _ planned: Bytes, _ measured: Bytes) -> [Cell] {
      [name, .integer(planned.count), .integer(measured.count), .integer((measured - planned).count)]
    }
    return Table(
      [
        Column("account", key: "account"), Column("planned", key: "planned_bytes", .integer, unit: "bytes"),
        Column("measured", key: "measured_bytes", .integer, unit: "bytes"),
        Column("difference", key: "difference_bytes", .integer, unit: "bytes"),
      ],
      rows: Account.allCases.filter { planned[$0] != nil || measured[$0] != nil }.map {
        row(.text($0.title), planned[$0] ?? .zero, measured[$0] ?? .zero)
      },
      total: row("peak", summary.planned?.bytes ?? .zero, summary.measured?.bytes ?? .zero))
  }

  public var document: Document {
    var blocks: [Document.Block] = [.lead(sentence), .heading("Memory at the peak"), .table(table)]
    blocks += [.heading("The run"), .facts(facts)]
    if !summary.notes.isEmpty { blocks += [.heading("Of the data"), .list(summary.notes)] }
    if !summary.files.isEmpty { blocks += [.heading("Written"), .list(summary.files)] }
    if !summary.stamp.isEmpty { blocks += [.heading("Measured with"), .list(summary.stamp)] }
    return Document(blocks)
  }

  private var sentence: String {
    let books = summary.isBalanced ? "the books balance" : "the books do not balance"
    return
      "\(summary.title): \(Phrase.count(summary.steps, "step")), loss \(Fixed.text(summary.firstLoss, decimals: 4)) "
      + "to \(Fixed.text(summary.lastLoss, decimals: 4)), \(Phrase.rate(summary.tokensPerSecond)) tokens/s; \(books)"
  }

  private var facts: [Document.Fact] {
    var facts = summary.evaluations.map {
      Document.Fact(
        "evaluation",
        "loss \(Fixed.text($0.loss, decimals: 4)), perplexity \(Fixed.text($0.perplexity, decimals: 3)) after step \($0.step)"
      )
    }
    facts += [
      Document.Fact(
        "speed",
        "\(Phrase.rate(summary.tokensPerSecond)) tokens/s, \(Fixed.text(summary.flopsPerSecond / 1e9, decimals: 1)) GFLOP/s; "
          + "products at \(Fixed.text(summary.peakShare * 100, decimals: 1)) % of the "
          + "\(Fixed.text(summary.productPeak / 1e9, decimals: 1)) GFLOP/s that this machine's products reach"),
      Document.Fact(
        "tokens", "\(Fixed.grouped(summary.tokens)) in \(Fixed.text(summary.seconds, decimals: 1)) seconds of steps"),
    ]
    if let growth = summary.residentGrowth {
      facts.append(Document.Fact("resident", "\(Phrase.mebibytes(growth)) added to the process at the highest"))
    }
    return facts
  }

  /// The last line of the JSON that `run` prints.
  public var json: OrderedJSON {
    [
      "summary": .string(summary.title), "steps": .integer(summary.steps),
      "first_loss": .number(summary.firstLoss), "last_loss": .number(summary.lastLoss),
      "evaluations": .array(
        summary.evaluations.map {
          ["step": .integer($0.step), "loss": .number($0.loss), "perplexity": .number($0.perplexity)]
        }),
      "tokens": .integer(summary.tokens), "seconds": .number(summary.seconds),
      "tokens_per_second": .number(summary.tokensPerSecond), "flops_per_second": .number(summary.flopsPerSecond),
      "product_peak_flops_per_second": .number(summary.productPeak), "product_peak_share": .number(summary.peakShare),
      "peak_bytes": .optional(summary.measured?.bytes.count),
      "planned_peak_bytes": .optional(summary.planned?.bytes.count),
      "accounts": accounts(summary.measured), "planned_accounts": accounts(summary.planned),
      "balanced": .bool(summary.isBalanced), "rss_growth_bytes": .optional(summary.residentGrowth?.count),
      "files": .array(summary.files.map { .string($0) }), "notes": .array(summary.notes.map { .string($0) }),
      "stamp": .array(summary.stamp.map { .string($0) }),
    ]
  }

  private func accounts(_ peak: Peak?) -> OrderedJSON {
    .object(
      (peak?.accounts ?? [:]).sorted { $0.key < $1.key }.map {
        OrderedJSON.Member($0.key.rawValue, .integer($0.value.count))
      })
  }
}
