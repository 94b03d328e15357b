import Bookkeeping
public import Planning

/// A peak's explanation as a page, a table and a value.
public struct ExplanationReport: Report {
  private let explanation: PeakExplanation

  public init(_ explanation: PeakExplanation) { self.explanation = explanation }

  public var document: Document { Document(blocks) }

  /// The legend, then every account with its lines, largest first, then the way to the device's bytes.
  var blocks: [Document.Block] {
    var blocks: [Document.Block] = [
      .heading("Letters"),
      .facts(
        explanation.legend.map { Document.Fact("\($0.letter) = \(Fixed.grouped($0.value))", $0.meaning) }),
    ]
    for (account, bytes) in explanation.accounts {
      let lines = explanation.lines.filter { $0.account == account }
      blocks.append(
        .heading("\(account.title): \(Fixed.grouped(bytes.count)) B in \(Phrase.count(lines.count, "line"))"))
      for line in lines { blocks += [.paragraph(line.formula), .list([line.because])] }
    }
    blocks += [.heading("All lines: \(Fixed.grouped(explanation.total.count)) B"), .table(steps)]
    return blocks + [.list(explanation.steps.map { "\($0.name): \($0.cause)" })]
  }

  private var steps: Table {
    Table(
      [
        Column("figure", key: "figure"), Column("added (B)", key: "added_bytes", .integer),
        Column("sum (B)", key: "sum_bytes", .integer),
      ],
      rows: explanation.steps.map { [.text($0.name), .integer($0.added.count), .integer($0.sum.count)] })
  }

  public var table: Table {
    Table(
      [
        Column("entry", key: "name"), Column("account", key: "account"), Column("count", key: "count", .integer),
        Column("shape", key: "shape"), Column("elements", key: "elements", .integer), Column("format", key: "format"),
        Column("each", key: "bytes", .bytes), Column("all", key: "total_bytes", .bytes),
        Column("reason", key: "reason"), Column("source", key: "source"),
      ],
      rows: explanation.lines.map {
        [
          .text($0.name), .text($0.account.rawValue), .integer($0.count), .text($0.shape), .integer($0.elements),
          .text($0.format.rawValue), .bytes($0.bytes), .bytes($0.total), .text($0.reason), .text($0.source),
        ]
      })
  }

  public var json: OrderedJSON {
    [
      "moment": .string(explanation.moment), "total_bytes": .integer(explanation.total.count),
      "legend": .array(
        explanation.legend.map {
          ["letter": .string($0.letter), "meaning": .string($0.meaning), "value": .integer($0.value)]
        }),
      "accounts": .object(
        explanation.accounts.map { OrderedJSON.Member($0.account.rawValue, .integer($0.bytes.count)) }),
      "lines": .array(explanation.lines.map(\.json)),
      "steps": .array(
        explanation.steps.map {
          [
            "name": .string($0.name), "added_bytes": .integer($0.added.count), "sum_bytes": .integer($0.sum.count),
            "cause": .string($0.cause),
          ]
        }),
    ]
  }
}

extension PeakExplanation.Line {
  /// The numbers put in: `32 × layers.*.gate [b=1, s=1024, I=11008] × 2 bytes (bf16) = 32 × 22,544,384 = 721,420,288 B`.
  public var formula: String {
    let times = count == 1 ? "" : "\(Fixed.grouped(count)) × "
    let sum = count == 1 ? "" : "\(times)\(Fixed.grouped(bytes.count)) = "
    return "\(times)\(name) \(shape) × \(unit) = \(sum)\(Fixed.grouped(total.count)) B"
  }

  /// What one element takes; of blocks, what one block takes.
  private var unit: String {
    // A buffer that is as large as its library wants it has another size than its elements say.
    guard format.storage(of: elements) == bytes else { return "as booked (\(format.rawValue))" }
    let size = format.blockBytes.count
    let each = format.blockElements == 1 ? Phrase.count(size, "byte") : "\(size)/\(format.blockElements) byte"
    return "\(each) (\(format.rawValue))"
  }

  fileprivate var because: String { source.isEmpty ? reason : "\(reason) (\(source))" }

  fileprivate var json: OrderedJSON {
    [
      "name": .string(name), "account": .string(account.rawValue), "count": .integer(count),
      "layers": .array(layers.map { .integer($0) }), "shape": .string(shape), "elements": .integer(elements),
      "format": .string(format.rawValue), "bytes": .integer(bytes.count), "total_bytes": .integer(total.count),
      "formula": .string(formula), "reason": .string(reason), "source": .string(source),
    ]
  }
}
