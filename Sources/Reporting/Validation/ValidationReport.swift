import Bookkeeping
import Modeling
public import Planning

/// What `validate` prints: errors in all, by group and by row, with what probably explains the largest.
public struct ValidationReport: Report {
  public let validation: Validation
  /// The file that was read, as the user named it.
  public let file: String

  public init(_ validation: Validation, file: String) {
    self.validation = validation
    self.file = file
  }

  /// Every row of the file that could be read, refused ones too.
  public var table: Table { ValidationRows.table(validation) }

  public var document: Document {
    var blocks: [Document.Block] = [.lead(lead), .facts(facts)]
    for key in ValidationSummary.Key.allCases {
      guard let groups = validation.summary.groups[key], !groups.isEmpty else { continue }
      blocks += [.heading("By \(key.rawValue)"), .table(ValidationReport.table(groups, title: key.rawValue))]
    }
    if !validation.speedByDevice.isEmpty {
      blocks += [
        .heading("Tokens/s by device"),
        .paragraph("Above zero the plan is too fast; inside is the share of measured speeds in the planned range."),
        .table(ValidationReport.table(validation.speedByDevice, title: "device")),
      ]
    }
    blocks += outlierBlocks + refusalBlocks
    let groups = validation.plausibilitySummary.groups[.source] ?? []
    if !groups.isEmpty {
      blocks += [
        .heading("Rows of confidence C, not in the figures above"),
        .paragraph("Their batch, length or unit is unknown, so that these errors say little."),
        .table(ValidationReport.table(groups, title: "source")),
      ]
    }
    blocks += [.heading("Every row"), .table(ValidationRows.page(validation))]
    return Document(blocks)
  }

  private var lead: String {
    guard let errors = validation.summary.errors, let grouped = validation.summary.groupedMean else {
      return
        "\(file): none of \(Phrase.count(validation.predictions.count + validation.refused.count, "row")) can be scored"
    }
    return
      "\(Phrase.count(errors.count, "measurement")) predicted: median error "
      + "\(Self.percent(errors.median)), mean \(Self.percent(errors.mean)), by source and model \(Self.percent(grouped))"
  }

  static func percent(_ share: Double) -> String { Fixed.text(share * 100, decimals: 1) + " %" }

  static func signed(_ share: Double) -> String { (share > 0 ? "+" : "") + percent(share) }

  private var facts: [Document.Fact] {
    var facts: [Document.Fact] = []
    let summary = validation.summary
    if let errors = summary.errors {
      facts += [
        Document.Fact(
          "absolute error",
          "median \(Self.percent(errors.median)), mean \(Self.percent(errors.mean)), 90 % below "
            + "\(Self.percent(errors.p90)), worst \(Self.percent(errors.worst))"),
        Document.Fact("bias", "\(Self.signed(errors.bias)) (above zero: plans are too large)"),
      ]
    }
    if let mean = summary.groupedMean, let bias = summary.groupedBias {
      facts.append(
        Document.Fact(
          "grouped",
          "mean \(Self.percent(mean)), bias \(Self.signed(bias)): within each of "
            + "\(Phrase.count(summary.pairs, "pair")) of source and model first, since sources differ in size"))
    }
    if let inside = summary.inside {
      facts.append(
        Document.Fact(
          "inside",
          "\(Self.percent(inside)) of measurements lie in the planned interval, give or take half of their last "
            + "printed digit"
        ))
    }
    if let errors = validation.alternatives {
      facts.append(
        Document.Fact(
          "second metric",
          "\(Phrase.count(errors.count, "row")) state one: median \(Self.percent(errors.median)), mean "
            + "\(Self.percent(errors.mean)), bias \(Self.signed(errors.bias))"))
    }
    facts += [verdicts, speed, refused].compactMap(\.self)
    if !validation.unscored.isEmpty {
      facts.append(
        Document.Fact("not scored", "\(Phrase.count(validation.unscored.count, "row")) flagged do-not-score"))
    }
    return facts
  }

  private var verdicts: Document.Fact? {
    let (finished, outOfMemory) = validation.verdicts
    let (right, all) = (finished.right + outOfMemory.right, finished.of + outOfMemory.of)
    guard all > 0 else { return nil }
    return Document.Fact(
      "verdicts",
      "\(Self.percent(Double(right) / Double(all))) right on runs whose card is known: \(finished.right) of "
        + "\(finished.of) that finished are planned to fit, \(outOfMemory.right) of \(outOfMemory.of) that ran out of "
        + "memory are planned beyond it")
  }

  private var speed: Document.Fact? {
    guard let errors = validation.speed, let inside = validation.speedInside else { return nil }
    return Document.Fact(
      "tokens/s",
      "\(Phrase.count(errors.count, "row")) state it: median error \(Self.percent(errors.median)), 90 % below "
        + "\(Self.percent(errors.p90)), mean \(Self.percent(errors.mean)), bias \(Self.signed(errors.bias)); \(Self.percent(inside)) in the planned range"
    )
  }

  private var refused: Document.Fact? {
    let share = validation.refusedShare
    let problems = validation.problems.count
    guard share.of > 0 || problems > 0 else { return nil }
    return Document.Fact(
      "refused",
      "\(share.refused) of \(share.of) rows of confidence A and B"
        + (problems > 0 ? "; \(Phrase.count(problems, "row")) of the file could not be read" : ""))
  }

  static func table(_ groups: [ValidationSummary.Group], title: String) -> Table {
    Table(
      [
        Column(title, key: title), Column("rows", key: "count", .integer),
        Column("median", key: "median", .percent(places: 1)), Column("mean", key: "mean", .percent(places: 1)),
        Column("90 %", key: "p90", .percent(places: 1)), Column("worst", key: "worst", .percent(places: 1)),
        Column("bias", key: "bias", .percent(places: 1)), Column("inside", key: "inside", .percent(places: 0)),
      ],
      rows: groups.map { group in
        [
          .text(group.name), .integer(group.errors.count), .percent(group.errors.median), .percent(group.errors.mean),
          .percent(group.errors.p90), .percent(group.errors.worst), .percent(group.errors.bias),
          .percent(group.inside),
        ]
      })
  }

  private var outlierBlocks: [Document.Block] {
    guard !validation.outliers.isEmpty else { return [] }
    let worst = validation.outliers.sorted { abs($0.error) > abs($1.error) }
    return [
      .heading("Outliers"),
      .paragraph("Beyond 15 %, or three robust standard deviations of their source."),
      .facts(worst.map { Document.Fact($0.id, "\(Self.signed($0.error)): \($0.explanation)") }),
    ]
  }

  private var refusalBlocks: [Document.Block] {
    var blocks: [Document.Block] = []
    if !validation.refused.isEmpty {
      let byText = Dictionary(grouping: validation.refused) { $0.refusal }
      let sorted = byText.sorted { ($1.value.count, $0.key.description) < ($0.value.count, $1.key.description) }
      blocks += [
        .heading("Refused"),
        .facts(
          sorted.map { refusal, rows in
            Document.Fact(
              refusal.reason.rawValue, "\(Phrase.count(rows.count, "row")): \(refusal.text) (\(Self.ids(rows)))")
          }),
      ]
    }
    if !validation.problems.isEmpty {
      blocks += [.heading("Rows that could not be read"), .list(validation.problems.map(\.description))]
    }
    return blocks
  }

  private static func ids(_ rows: [Validation.Refused]) -> String {
    let shown = rows.prefix(3).map(\.row.id).joined(separator: ", ")
    return rows.count > 3 ? "\(shown), …" : shown
  }
}
