import Foundation
import Testing

/// The whole file of published measurements through the command, as `make validate` runs it.
@Suite struct `Published measurements` {
  private static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Benchmarks/data/measurements.csv").path

  @Test func `are predicted or refused with a reason, every one`() throws {
    let outcome = try Program.run("validate", "--measurements", Self.file, "--format", "json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let object = try outcome.object()
    let rows = try #require(object["rows"] as? [[String: Any]])
    #expect(rows.count == 460)
    for row in rows {
      let id = row["id"] as? String ?? "?"
      if row["refused"] as? String != nil {
        #expect((row["reason"] as? String)?.isEmpty == false, "\(id)")
        continue
      }
      let predicted = try #require(row["predicted_bytes"] as? Int, "\(id)")
      let (low, high) = try (#require(row["low_bytes"] as? Int), #require(row["high_bytes"] as? Int))
      #expect(low <= predicted && predicted <= high && low > 0, "\(id)")
      if row["outcome"] as? String == "ok" { #expect((row["error"] as? Double)?.isFinite == true, "\(id)") }
    }
  }
}
