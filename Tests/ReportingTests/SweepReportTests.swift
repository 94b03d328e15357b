import Bookkeeping
import Foundation
import Modeling
import Planning
import Reporting
import Testing

@Suite struct `The report of a sweep` {
  @Test(arguments: OutputFormat.allCases)
  func `looks as it was approved`(format: OutputFormat) throws {
    let names: [OutputFormat: String] = [
      .text: "sweep.txt", .json: "sweep.json", .csv: "sweep.csv", .markdown: "sweep.md",
    ]
    try expectSnapshot(Self.report(isRun: false).rendered(as: format), named: #require(names[format]))
  }

  @Test(arguments: [OutputFormat.text, .csv])
  func `of runs looks as it was approved`(format: OutputFormat) throws {
    let name = format == .text ? "sweep-run.txt" : "sweep-run.csv"
    try expectSnapshot(Self.report(isRun: true).rendered(as: format), named: name)
  }

  @Test(arguments: Self.outcomes)
  func `every outcome is read back as it was written`(outcome: SweepOutcome) throws {
    let text = outcome.json.line
    let read = try #require(SweepOutcome(json: JSONValue(parsing: Array(text.utf8))))
    #expect(read == outcome)
    #expect(read.json.line == text)
  }

  @Test(arguments: ["{}", "[]", #"{"planned": {}}"#, #"{"planned": null}"#, #"{"planned": {}, "measured": {}}"#])
  func `what no archive has written is not read`(text: String) throws {
    #expect(SweepOutcome(json: try JSONValue(parsing: Array(text.utf8))) == nil)
  }

  @Test func `the figures are the plan's`() {
    let plan = Examples.plan()
    let figures = PlannedFigures(plan)
    #expect(figures.device.expected == plan.device.expected)
    #expect(figures.accounts.values.reduce(.zero, +) == plan.device.expected)
    #expect(figures.work == plan.work.total)
    #expect(figures.trainable == plan.parameters.trainable)
  }

  private static let figures = PlannedFigures(Examples.plan())

  private static let measured: MeasuredFigures = {
    var figures = MeasuredFigures()
    figures.steps = 10
    figures.firstLoss = 2.5
    figures.lastLoss = 1.25
    figures.evaluationBefore = 2.75
    figures.evaluation = 1.5
    figures.plannedPeak = Bytes(5 << 20)
    figures.peak = Bytes(5 << 20)
    figures.residentGrowth = Bytes(6 << 20)
    figures.tokensPerSecond = 123.456789
    figures.isBalanced = true
    return figures
  }()

  static let outcomes: [SweepOutcome] = [
    .planned(figures), .ran(figures, measured), .ran(nil, measured), .ran(nil, MeasuredFigures()),
    .refused("--rank \"4\": no\nuse"), .failed("killed (signal 9)"),
  ]

  private static func report(isRun: Bool) -> SweepReport {
    let done: SweepOutcome = isRun ? .ran(figures, measured) : .planned(figures)
    let budgets = isRun ? [nil, nil] : [Bytes(1 << 30), Bytes(256 << 20)]
    return SweepReport(
      title: "toy|llama", settings: "--seq=128", axes: ["method", "rank"],
      rows: [
        .init(number: 1, values: ["full", nil], budget: budgets[0], outcome: done),
        .init(number: 3, values: ["lora", "4"], budget: budgets[1], outcome: done),
        .init(
          number: 4, values: ["lora", "8"], budget: budgets[0],
          outcome: isRun ? .failed("ended with 69: too small") : .refused("--seq is 9, which cannot be")),
        .init(
          number: 5, values: ["lora", "16"], budget: budgets[0],
          outcome: isRun ? .failed("ended with 69: too small") : .refused("--seq is 9, which cannot be")),
      ], isRun: isRun, hasIntervals: true, notes: ["--rank is left out where the method has no use for it"])
  }
}
