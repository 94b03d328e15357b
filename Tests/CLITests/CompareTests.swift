import Foundation
import Testing

@Suite struct `plimsoll compare` {
  /// A model that nobody listed, small enough that a plan takes milliseconds.
  private static let config = Data(
    """
    {"model_type": "llama", "hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 4,
     "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 8000, "max_position_embeddings": 2048,
     "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "hidden_act": "silu"}
    """.utf8)

  private static let names = ["full", "freeze", "lora", "dora", "int8", "qlora"]

  private static func rows(_ outcome: Program.Outcome) throws -> [[String: Any]] {
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try #require(try outcome.object()["methods"] as? [[String: Any]])
  }

  @Test(arguments: [["--gpu", "rtx-4090"], ["--vram", "2GB"]])
  func `every row is what fit says`(budget: [String]) throws {
    try Scratch.with("config.json", Self.config) { path in
      let rows = try Self.rows(Program.run(["compare", path, "--seq", "256", "--format", "json"] + budget))
      #expect(rows.compactMap { $0["name"] as? String } == Self.names)
      for row in rows {
        let name = try #require(row["name"] as? String)
        let flags = name == "int8" ? ["--method", "qlora", "--quant", "int8"] : ["--method", name]
        let fit = try Program.run(["fit", path, "--seq", "256", "--format", "json"] + flags + budget).object()
        for key in [
          "recipe", "budget_bytes", "allocated_bytes", "reserved_bytes", "device_bytes", "fits", "headroom_bytes",
          "accounts", "flops",
        ] {
          #expect(row[key] as? NSObject == fit[key] as? NSObject, "\(name), \(key)")
        }
        let (ours, theirs) = (row["parameters"] as? [String: Any], fit["parameters"] as? [String: Any])
        #expect(ours?["trainable"] as? Int == theirs?["trainable"] as? Int)
        #expect(ours?["total"] as? Int == theirs?["total"] as? Int)
        if budget[0] == "--gpu" { #expect(row["tokens_per_second"] as? Double == fit["tokens_per_second"] as? Double) }
      }
    }
  }

  @Test(arguments: [[], ["--packing"], ["--group-by-length", "--grad-accum", "2"]])
  func `over data every row is what fit says`(order: [String]) throws {
    let lengths = (0..<40).map { 30 + $0 * $0 * 7919 % 1200 }
    let lines = lengths.map { #"{"text": "\#(String(repeating: "a", count: $0))"}"# + "\n" }.joined()
    try Scratch.with("data.jsonl", Data(lines.utf8)) { data in
      try Scratch.with("config.json", Self.config) { path in
        let flags =
          ["--gpu", "rtx-4090", "--seq", "256", "--batch", "4", "--data", data, "--epochs", "2.5", "--format", "json"]
          + order
        let rows = try Self.rows(Program.run(["compare", path] + flags))
        #expect(rows.count == Self.names.count)
        for row in rows {
          let name = try #require(row["name"] as? String)
          let method = name == "int8" ? ["--method", "qlora", "--quant", "int8"] : ["--method", name]
          let fit = try Program.run(["fit", path] + method + flags).object()
          for key in ["recipe", "device_bytes", "reserved_bytes", "allocated_bytes", "accounts"] {
            #expect(row[key] as? NSObject == fit[key] as? NSObject, "\(name), \(key)")
          }
          let (run, study) = (row["run"] as? [String: Any], fit["data"] as? [String: Any])
          for key in ["steps", "seconds", "hours"] {
            #expect(run?[key] != nil && run?[key] as? NSObject == study?[key] as? NSObject, "\(name), \(key)")
          }
        }
      }
    }
  }

  @Test func `of so many samples every row takes what fit says`() throws {
    try Scratch.with("config.json", Self.config) { path in
      let flags = ["--gpu", "rtx-4090", "--seq", "256", "--samples", "1001", "--epochs", "3", "--format", "json"]
      for row in try Self.rows(Program.run(["compare", path, "--methods", "full,qlora"] + flags)) {
        let name = try #require(row["name"] as? String)
        let fit = try Program.run(["fit", path, "--method", name] + flags).object()
        let (run, time) = (row["run"] as? [String: Any], (fit["time"] as? [String: Any])?["run"] as? [String: Any])
        #expect(run?["steps"] as? Int == 3003)
        #expect(run?["hours"] as? Double == time?["hours"] as? Double)
      }
    }
  }

  @Test func `without a budget a row is that of fit on its smallest card`() throws {
    try Scratch.with("config.json", Self.config) { path in
      for row in try Self.rows(Program.run("compare", path, "--seq", "256", "--format", "json")) {
        let card = try #require(row["smallest_card"] as? [String: Any])
        let name = try #require(card["name"] as? String)
        #expect(row["device"] as? String == name)
        #expect(row["speed_device"] as? String == name)
        #expect(row["budget_bytes"] as? Int == card["usable_bytes"] as? Int)
      }
    }
  }

  @Test func `a setting goes where it belongs, and a stack's refusal stands in its column`() throws {
    try Scratch.with("config.json", Self.config) { path in
      let rows = try Self.rows(
        Program.run(
          "compare", path, "--methods", "full, lora,prompt,dora", "--rank", "4", "--stack", "plimsoll", "--seq", "64",
          "--threads", "1", "--format", "json"))
      #expect(rows.compactMap { $0["name"] as? String } == ["full", "lora", "prompt", "dora"])
      #expect((rows[0]["recipe"] as? [String: Any])?["rank"] is NSNull)
      #expect((rows[1]["recipe"] as? [String: Any])?["rank"] as? Int == 4)
      #expect((rows[2]["refusal"] as? String)?.contains("prompt") == true)
      #expect(rows[3]["refusal"] is String)
      // CPUs are not in the catalogue.
      #expect(rows[0]["smallest_card"] is NSNull)
    }
  }

  @Test(arguments: ["text", "markdown", "csv"])
  func `prints a table in every form`(format: String) throws {
    try Scratch.with("config.json", Self.config) { path in
      let outcome = try Program.run("compare", path, "--vram", "4GB", "--format", format)
      #expect(outcome.status == 0)
      for name in Self.names { #expect(outcome.output.contains(name), "\(name)") }
      if format == "csv" {
        let lines = outcome.output.split(separator: "\n")
        #expect(lines.count == 7)
        #expect(lines[0].hasPrefix("name,model,method,"))
      }
      if format == "text" { #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 100 }) }
    }
  }

  @Test(arguments: [
    (["--methods", "lorra"], "--methods lorra is unknown: did you mean lora"),
    (["--methods", ","], "--methods , is unknown"),
    (["--method", "lora"], "--method lora: compare goes through several"),
    (["--packing"], "--packing is about data"),
    (["--tokens", "1M", "--samples", "5"], "--tokens and --samples exclude each other"),
    (["--vram", "8GB", "--gpu", "t4"], "--vram and --gpu both name a budget"),
    (["--seq", "4096"], "--seq is 4096"),
    (["--methods", "lora", "--rank", "0"], "--rank is 0"),
  ])
  func `what cannot be is said`(flags: [String], line: String) throws {
    try Scratch.with("config.json", Self.config) { path in
      let outcome = try Program.run(["compare", path] + flags)
      #expect(outcome.status == 64)
      #expect(outcome.firstError.hasPrefix("plimsoll: " + line), "\(outcome.errors)")
      #expect(outcome.output.isEmpty)
    }
  }
}
