import Bookkeeping
import Foundation
import Modeling
import Planning
import Reporting
import Testing

@Suite struct `The report of fit` {
  @Test(arguments: OutputFormat.allCases)
  func `looks as it was approved`(format: OutputFormat) throws {
    let names: [OutputFormat: String] = [.text: "fit.txt", .json: "fit.json", .csv: "fit.csv", .markdown: "fit.md"]
    let name = try #require(names[format])
    try expectSnapshot(Examples.report(budget: 8 * Bytes.gibi).rendered(as: format), named: name)
  }

  // The example needs 250 MiB of weights, 4 KiB of adapters, 128 MiB of activations and 4 MiB of workspace at its
  // peak, and 100 MiB around them: 482 MiB and 4 KiB, 20 MiB less to 80 MiB more.
  @Test(arguments: [
    (1024, "fits in 1 GiB: 0.47 GiB expected at the peak (0.45 GiB to 0.55 GiB), 0.53 GiB to spare, at least 0.45 GiB"),
    (
      500,
      "probably fits in 0.49 GiB: 0.47 GiB expected at the peak (0.45 GiB to 0.55 GiB), 18.0 MiB to spare, "
        + "at worst 62.0 MiB too much"
    ),
    (
      480,
      "probably does not fit in 0.47 GiB: 0.47 GiB expected at the peak (0.45 GiB to 0.55 GiB), 2.0 MiB too much, "
        + "at best 18.0 MiB to spare"
    ),
    (
      256,
      "does not fit in 0.25 GiB: 0.47 GiB expected at the peak (0.45 GiB to 0.55 GiB), 0.22 GiB too much, "
        + "at least 0.20 GiB"
    ),
  ])
  func `the verdict is no surer than its figures`(mebibytes: Int, claim: String) {
    let verdict = Verdict.judge(Examples.plan(), budget: mebibytes * Bytes.mebi)
    #expect(verdict.sentence == "toy|llama with QLoRA " + claim)
  }

  @Test func `an exact figure is not dressed up as an interval`() {
    let verdict = Verdict.judge(Examples.plan(low: 0, high: 0), budget: .gibi)
    #expect(
      verdict.sentence == "toy|llama with QLoRA fits in 1 GiB: 0.47 GiB needed at the peak, 0.53 GiB to spare")
  }

  @Test func `JSON has every key of the contract, bytes as integers`() throws {
    let text = Examples.report(budget: .gibi).rendered(as: .json)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    for key in [
      "model", "recipe", "budget_bytes", "allocated_bytes", "reserved_bytes", "device_bytes", "fits",
      "headroom_bytes", "accounts", "peak", "parameters", "flops", "tokens_per_second", "assumptions",
    ] {
      #expect(object[key] != nil, "\(key)")
    }
    let accounts = try #require(object["accounts"] as? [String: Int])
    #expect(Set(accounts.keys) == Set(Account.allCases.map(\.rawValue)))
    let device = try #require(object["device_bytes"] as? [String: Int])
    #expect(accounts.values.reduce(0, +) == device["expected"])
    let peak = try #require(object["peak"] as? [String: Any])
    let entries = try #require(peak["entries"] as? [[String: Any]])
    #expect(entries.compactMap { $0["bytes"] as? Int } == [262_144_000, 134_217_728, 4_194_304, 4096])
    #expect(object["headroom_bytes"] as? Int == (1 << 30) - (device["expected"] ?? 0))
  }

  @Test func `no line of text is wider than the terminal`() {
    for width in [60, 80, 100] {
      let text = Examples.report(budget: .gibi).rendered(as: .text, width: width)
      for line in text.split(separator: "\n") { #expect(line.count <= width, "\(line)") }
    }
  }

  @Test func `every remedy that is shown says what it saves`() throws {
    let plan = try Planner.plan(Examples.spec, Examples.resolved)
    let verdict = Verdict.judge(plan, budget: Bytes.mebi)
    let remedies = Remedies.seek(verdict)
    let text = FitReport(verdict: verdict, remedies: remedies).rendered(as: .text)
    try #require(!remedies.changes.isEmpty)
    for remedy in remedies.changes.prefix(8) {
      #expect(text.contains("  " + remedy.change + " "))
      #expect(text.contains("saves \(remedy.saved)"))
    }
  }
}
