import Foundation
import Testing

/// The reports that are the same on every machine are those that are checked in.
@Suite(.serialized) struct `plimsoll report` {
  private static let reports = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Reports")

  @Test(arguments: [
    ("comparison", ["comparison.md", "comparison.csv", "comparison.svg"]), ("fits", ["fits.md", "fits.csv"]),
  ])
  func `finds no difference`(name: String, files: [String]) throws {
    try Scratch.with("empty", Data()) { path in
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent("Reports")
      let outcome = try Program.run("report", name, "--output", folder.path)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == files.sorted())
      for file in files {
        let made = try Data(contentsOf: folder.appendingPathComponent(file))
        let kept = try Data(contentsOf: Self.reports.appendingPathComponent(file))
        #expect(made == kept, "Reports/\(file) is not what `plimsoll report \(name)` writes: run it, and look")
      }
    }
  }

  @Test func `knows no other name`() throws {
    let outcome = try Program.run("report", "weather")
    #expect(outcome.status == 64)
  }
}
