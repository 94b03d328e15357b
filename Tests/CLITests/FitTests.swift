import Foundation
import Testing

@Suite struct `plimsoll fit` {
  /// On our own stack, whose plans a test of the books holds to the byte.
  private static let small = ["fit", "llama-2-7b", "--stack", "plimsoll", "--method", "qlora", "--seq", "256"]

  @Test func `ends with 0 and yes where there is room`() throws {
    let outcome = try Program.run(Self.small + ["--vram", "1TB", "--format", "json"])
    #expect(outcome.status == 0)
    #expect(outcome.errors.isEmpty)
    #expect(try outcome.object()["fits"] as? String == "yes")
  }

  @Test func `ends with 1 and no where there is none`() throws {
    let outcome = try Program.run(Self.small + ["--vram", "1GB", "--format", "json"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.isEmpty)
    #expect(try outcome.object()["fits"] as? String == "no")
  }

  @Test func `JSON keeps the contract`() throws {
    let object = try Program.run(Self.small + ["--vram", "8GB", "--format", "json"]).object()
    #expect(object["budget_bytes"] as? Int == 8 << 30)
    let model = try #require(object["model"] as? [String: Any])
    #expect(model["name"] as? String == "llama-2-7b")
    // Llama 2 paper's 7B, counted from its config: 32 × (4·4096² + 3·4096·11008 + 2·4096) + 2·32000·4096 + 4096.
    #expect(model["parameters"] as? Int == 6_738_415_616)
    #expect(model["layers"] as? Int == 32)
    let recipe = try #require(object["recipe"] as? [String: Any])
    #expect(recipe["method"] as? String == "qlora")
    #expect(recipe["seq"] as? Int == 256)
    for key in ["rank", "alpha", "targets", "quant", "dtype", "precision", "optimizer", "batch", "stack"] {
      #expect(recipe[key] != nil, "recipe.\(key)")
    }
    for key in ["allocated_bytes", "reserved_bytes", "device_bytes"] {
      let interval = try #require(object[key] as? [String: Int])
      let values = try ["low", "expected", "high"].map { try #require(interval[$0]) }
      #expect(values == values.sorted(), "\(key)")
    }
    let accounts = try #require(object["accounts"] as? [String: Int])
    let device = try #require(object["device_bytes"] as? [String: Int])
    let expected = try #require(device["expected"])
    #expect(accounts.values.reduce(0, +) == expected)
    #expect(object["headroom_bytes"] as? Int == (8 << 30) - expected)
    let peak = try #require(object["peak"] as? [String: Any])
    #expect((peak["moment"] as? String)?.isEmpty == false)
    let entries = try #require(peak["entries"] as? [[String: Any]])
    let first = try #require(entries.first)
    #expect(Set(first.keys) == ["name", "account", "shape", "format", "bytes"])
    let parameters = try #require(object["parameters"] as? [String: Int])
    // Rank 16 on all seven linear layers: 32 × 16 × (4·(4096+4096) + 3·(4096+11008)).
    #expect(parameters["trainable"] == 39_976_960)
    let flops = try #require(object["flops"] as? [String: Int])
    let total = try #require(flops["total"])
    #expect(total > 0)
    #expect(["forward", "backward", "recompute", "optimizer"].compactMap { flops[$0] }.reduce(0, +) == total)
    #expect(object.keys.contains("tokens_per_second"))
    let assumptions = try #require(object["assumptions"] as? [String])
    #expect(assumptions.contains { $0.contains("rank") })
  }

  @Test func `a budget by GPU is what its driver reports`() throws {
    let gpus = try Program.run("gpus", "--format", "json").objects()
    let card = try #require(gpus.first { $0["name"] as? String == "rtx-4060" })
    let object = try Program.run(Self.small + ["--gpu", "rtx-4060", "--format", "json"]).object()
    #expect(object["budget_bytes"] as? Int == card["usable_bytes"] as? Int)
    #expect(object["device"] as? String == "rtx-4060")
  }

  @Test func `CSV is one header and one row of as many fields`() throws {
    let lines = try Program.run(Self.small + ["--vram", "8GB", "--format", "csv"]).output.split(separator: "\n")
    try #require(lines.count == 2)
    let fields = lines.map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    #expect(fields[0].count == fields[1].count)
    let budget = try #require(fields[0].firstIndex(of: "budget_bytes"))
    #expect(fields[1][budget] == "8589934592")
  }

  @Test func `text begins with the verdict and fits on 100 columns`() throws {
    let outcome = try Program.run(Self.small + ["--vram", "1TB"])
    #expect(outcome.output.hasPrefix("llama-2-7b with QLoRA fits in 1024 GiB: "))
    for line in outcome.output.split(separator: "\n") { #expect(line.count <= 100, "\(line)") }
    #expect(outcome.output.contains("Assumed\n"))
  }

  @Test func `Markdown begins with the verdict in bold`() throws {
    let outcome = try Program.run(Self.small + ["--vram", "1TB", "--format", "markdown"])
    #expect(outcome.output.hasPrefix("**llama-2-7b with QLoRA fits in 1024 GiB: "))
    #expect(outcome.output.contains("| --- | ---: | ---: |"))
  }

  @Test func `GB and GiB are the same budget`() throws {
    let outcomes = try ["8GB", "8GiB", "8192MiB"].map {
      try Program.run(Self.small + ["--vram", $0, "--format", "csv"]).output
    }
    #expect(Set(outcomes).count == 1)
  }

  @Test func `more tokens never need less memory`() throws {
    let needs = try [128, 256, 1024].map { tokens in
      let outcome = try Program.run(Self.small + ["--seq", "\(tokens)", "--vram", "8GB", "--format", "json"])
      let device = try #require(try outcome.object()["device_bytes"] as? [String: Int])
      return try #require(device["expected"])
    }
    #expect(needs == needs.sorted())
  }
}
