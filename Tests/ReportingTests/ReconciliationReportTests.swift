import Foundation
import Reporting
import Testing

@Suite struct `The report of check` {
  @Test(arguments: [OutputFormat.text, .markdown, .csv, .json])
  func `looks as it was approved`(format: OutputFormat) throws {
    let endings: [OutputFormat: String] = [.text: "txt", .json: "json", .csv: "csv", .markdown: "md"]
    let ending = try #require(endings[format])
    for balanced in [true, false] {
      let name = "check-\(balanced ? "balanced" : "differing").\(ending)"
      try expectSnapshot(ReconciliationReport(Examples.check(balanced: balanced)).rendered(as: format), named: name)
    }
  }

  @Test func `JSON has every key of the contract`() throws {
    let text = ReconciliationReport(Examples.check(balanced: false)).rendered(as: .json)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    for key in ["planned", "measured", "differences", "balanced", "rss", "tokens_per_second", "loss"] {
      #expect(object[key] != nil, "\(key)")
    }
    let resident = try #require(object["rss"] as? [String: Int])
    #expect(Set(resident.keys) == ["baseline_bytes", "peak_bytes", "explained_bytes"])
    #expect(object["balanced"] as? Bool == false)
    let differences = try #require(object["differences"] as? [[String: Any]])
    let first = try #require(differences.first)
    #expect(differences.count == 1)
    #expect((first["planned"] as? [String: Any])?["bytes"] as? Int == 4_194_304)
    #expect((first["measured"] as? [String: Any])?["bytes"] as? Int == 4_194_560)
  }
}
