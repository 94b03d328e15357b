import Bookkeeping
import Foundation
import Modeling
import Planning
import Reporting
import Testing

@Suite struct `The report of plan` {
  private static func capacity(budget: Bytes) throws -> Capacity {
    try Capacity.seek(Examples.spec, [Examples.resolved.recipe], asked: 0, budget: budget)
  }

  @Test(arguments: OutputFormat.allCases)
  func `says in every form what the search found`(format: OutputFormat) throws {
    let bytes = try Planner.deviceBytes(Examples.spec, Examples.resolved.recipe).expected
    let capacity = try Self.capacity(budget: bytes)
    let report = PlanReport(capacity, assumptions: Examples.resolved.assumptions).rendered(as: format)
    let sequence = try #require(capacity.choice.sequence?.largest)
    #expect(report.contains("\(sequence)"))
    if format == .text {
      #expect(report.hasPrefix("toy|llama with QLoRA fits in "))
      for line in report.split(separator: "\n") { #expect(line.count <= TextFormat.defaultWidth, "\(line)") }
    }
    if format == .csv { #expect(report.split(separator: "\n").count == 2) }
    if format == .json {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(report.utf8)) as? [String: Any])
      #expect(object["fits"] as? Bool == true)
      #expect((object["methods"] as? [Any])?.count == 1)
    }
  }

  @Test func `says so where nothing helps, and what helps where something does`() throws {
    let nothing = PlanReport(try Self.capacity(budget: Bytes(1)), assumptions: []).rendered(as: .text)
    #expect(nothing.hasPrefix("toy|llama with QLoRA does not fit in 1 B, whatever is changed"))
    let bytes = try Planner.deviceBytes(Examples.spec, Examples.resolved.recipe).expected
    let capacity = try Self.capacity(budget: bytes - Bytes(1))
    let remedy = try #require(capacity.choice.remedy)
    let text = PlanReport(capacity, assumptions: []).rendered(as: .text)
    for change in remedy.changes { #expect(text.contains(change.change)) }
  }
}
