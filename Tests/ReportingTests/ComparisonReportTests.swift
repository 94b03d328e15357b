import Bookkeeping
import Planning
import Reporting
import Testing

@Suite struct `The report of compare` {
  private static let endings: [OutputFormat: String] = [.text: "txt", .json: "json", .csv: "csv", .markdown: "md"]

  @Test(arguments: OutputFormat.allCases)
  func `looks as it was approved`(format: OutputFormat) throws {
    let report = ComparisonReport(try Examples.comparison(budget: .gibi))
    let ending = try #require(Self.endings[format])
    try expectSnapshot(report.rendered(as: format), named: "compare.\(ending)")
  }

  @Test func `of several models is a page with a picture`() throws {
    let page = ComparisonPage([try Examples.comparison(budget: nil)], command: "`plimsoll report comparison`")
    try expectSnapshot(page.rendered(as: .markdown), named: "comparison.md")
    try expectSnapshot(page.picture, named: "comparison.svg")
  }

  @Test func `every row has a cell for every column, refused ones too`() throws {
    let table = ComparisonReport(try Examples.comparison(budget: nil)).table
    #expect(table.rows.count == 2)
    #expect(table.rows.allSatisfy { $0.count == table.columns.count })
    // What programs look columns up by is there once.
    #expect(Set(table.columns.map(\.key)).count == table.columns.count)
  }
}

@Suite struct `The report of data` {
  @Test(arguments: [OutputFormat.text, .json])
  func `looks as it was approved`(format: OutputFormat) throws {
    let report = FitReport(
      verdict: Verdict.judge(Examples.plan(), budget: .gibi), remedies: nil, data: try Examples.data(),
      explainsTime: true)
    try expectSnapshot(report.rendered(as: format), named: "fit-data.\(format == .text ? "txt" : "json")")
  }
}
