import Foundation
import Testing

/// What is planned in the report on ranks is what is planned now.
@Suite struct `The report on ranks` {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let flags = ["sweep", "llama-2-7b", "--method", "lora", "--seq", "1024", "--over", "rank=1..512*2"]
  private static let shape = [
    "sweep", "--file", root.appendingPathComponent("Benchmarks/data/rank-sweep.yaml").path, "--stack", "plimsoll",
  ]

  private func committed(_ name: String) throws -> String {
    try String(contentsOf: Self.root.appendingPathComponent("Reports/" + name), encoding: .utf8)
  }

  @Test func `has the figures of the plan`() throws {
    let planned = try Program.run(Self.flags + ["--intervals", "--format", "csv"]).output
    #expect(planned == (try committed("rank-sweep-planned.csv")))
    let page = try committed("rank-sweep.md")
    for flags in [Self.flags, Self.shape] {
      let planned = try Program.run(flags + ["--format", "markdown"]).output
      #expect(page.contains(planned), "\(planned)")
    }
  }
}
