import Foundation
import Testing

/// What `fit` is told about the process, and how it explains itself.
@Suite struct `plimsoll fit, the process` {
  private static let small = ["fit", "qwen2.5-0.5b", "--method", "lora", "--seq", "256", "--vram", "1TB"]

  @Test func `explained lines add up to the peak and lead to the device's bytes`() throws {
    let object = try Program.run(Self.small + ["--explain", "--format", "json"]).object()
    let explanation = try #require(object["explanation"] as? [String: Any])
    let lines = try #require(explanation["lines"] as? [[String: Any]])
    let total = lines.compactMap { $0["total_bytes"] as? Int }.reduce(0, +)
    let peak = try #require(object["peak"] as? [String: Any])
    #expect(total == peak["bytes"] as? Int)
    #expect(total == explanation["total_bytes"] as? Int)
    for line in lines {
      let count = try #require(line["count"] as? Int)
      let each = try #require(line["bytes"] as? Int)
      #expect(count * each == line["total_bytes"] as? Int)
    }
    let accounts = try #require(explanation["accounts"] as? [String: Int])
    #expect(accounts.values.reduce(0, +) == total)
    let steps = try #require(explanation["steps"] as? [[String: Any]])
    let device = try #require(object["device_bytes"] as? [String: Int])
    #expect(steps.compactMap { $0["added_bytes"] as? Int }.reduce(0, +) == device["expected"])
  }

  /// The numbers as they are printed, read back from the page.
  @Test func `the printed lines add up too`() throws {
    let text = try Program.run(Self.small + ["--explain", "--format", "markdown"]).output
    let totals = text.split(separator: "\n").filter { $0.contains(" × ") && $0.hasSuffix(" B") }.compactMap { line in
      line.split(separator: "=").last.flatMap { Int($0.filter(\.isNumber)) }
    }
    let sum = try #require(text.split(separator: "\n").first { $0.hasPrefix("## All lines: ") })
    #expect(totals.reduce(0, +) == Int(sum.filter(\.isNumber)))
    #expect(totals.count > 20)
  }

  @Test func `every part's peak is in JSON`() throws {
    let object = try Program.run(Self.small + ["--format", "json"]).object()
    let phases = try #require(object["phases"] as? [String: Any])
    let steady = try #require(phases["steady_step"] as? [String: Int])
    #expect(Set(steady.keys) == ["forward", "loss", "backward", "optimizer"])
    let peak = try #require(object["peak"] as? [String: Any])
    #expect(peak["bytes"] as? Int == phases["peak"] as? Int)
  }

  @Test func `settings of the process are in the recipe`() throws {
    let object = try Program.run(
      Self.small + [
        "--alloc-conf", "expandable_segments:True", "--cublas-workspace", ":4096:8", "--empty-cache-steps", "4",
        "--lengths", "uniform:32-256", "--format", "json",
      ]
    ).object()
    let recipe = try #require(object["recipe"] as? [String: Any])
    #expect(recipe["alloc_conf"] as? String == "expandable_segments:True")
    #expect(recipe["cublas_workspace_bytes"] as? Int == 32 << 20)
    #expect(recipe["empty_cache_steps"] as? Int == 4)
    #expect(recipe["lengths"] as? String == "uniform:32-256")
  }

  @Test(arguments: [
    (["--alloc-conf", "expandable_segments:yes"], 64, "True or False"), (["--alloc-conf", "fast:1"], 64, "fast"),
    (["--cublas-workspace", "4096"], 64, ":4096:8"), (["--empty-cache-steps", "0"], 64, "at least 1"),
    (["--lengths", "uniform:9-3"], 64, "uniform:9-3"), (["--lengths", "/nowhere/lengths"], 66, "no such file"),
  ])
  func `what is wrong is said`(arguments: [String], status: Int32, words: String) throws {
    let outcome = try Program.run(Self.small + arguments)
    #expect(outcome.status == status)
    #expect(outcome.firstError.contains(words), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }

  @Test func `lengths are read from a file`() throws {
    try Scratch.with("lengths.txt", Data("100\n200\n50\n".utf8)) { path in
      let object = try Program.run(
        ["fit", "qwen2.5-0.5b", "--method", "lora", "--vram", "1TB", "--lengths", path, "--format", "json"]
      ).object()
      let recipe = try #require(object["recipe"] as? [String: Any])
      #expect(recipe["seq"] as? Int == 200)
    }
    try Scratch.with("lengths.txt", Data("100\nmany\n".utf8)) { path in
      let outcome = try Program.run(Self.small + ["--lengths", path])
      #expect(outcome.status == 65)
      #expect(outcome.firstError.contains("line 2"))
    }
  }
}
