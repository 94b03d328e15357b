import Foundation
import Testing

@Suite(.serialized) struct `plimsoll plan` {
  /// A small model, so that a page of searches takes a moment.
  private static let small = ["plan", "smollm2-135m", "--seq", "512"]

  @Test func `answers every question about every method`() throws {
    let outcome = try Program.run(Self.small + ["--vram", "4GB", "--format", "json"])
    #expect(outcome.status == 0)
    let object = try outcome.object()
    #expect(object["budget_bytes"] as? Int == 4 << 30)
    #expect(object["method"] as? String == "lora")
    let methods = try #require(object["methods"] as? [[String: Any]])
    #expect(methods.compactMap { $0["method"] as? String } == ["full", "freeze", "head", "lora", "dora", "qlora"])
    for method in methods {
      for key in ["recipe", "device_bytes", "fits", "largest_sequence", "frontier", "fastest"] {
        #expect(method[key] != nil, "\(key)")
      }
      let points = try #require(method["frontier"] as? [[String: Any]])
      #expect(points.compactMap { $0["seq"] as? Int } == [512, 1024, 2048, 4096, 8192])
    }
    let lora = try #require(methods.first { $0["method"] as? String == "lora" })
    #expect((lora["largest_rank"] as? [String: Any])?["largest"] is Int)
  }

  /// What plan says fits, fit says too; and what comes next on the ladder doesn't.
  @Test func `agrees with fit about what it finds`() throws {
    let budget = ["--vram", "2GB", "--format", "json"]
    let plan = try Program.run(Self.small + ["--method", "lora"] + budget).object()
    let method = try #require((plan["methods"] as? [[String: Any]])?.first)
    let batch = try #require((method["largest_micro_batch"] as? [String: Any])?["largest"] as? Int)
    func expected(_ batch: Int) throws -> Int {
      let fit = try Program.run(
        ["fit", "smollm2-135m", "--seq", "512", "--method", "lora", "--batch", "\(batch)"] + budget
      ).object()
      return try #require((fit["device_bytes"] as? [String: Int])?["expected"])
    }
    #expect(try expected(batch) <= 2 << 30)
    #expect(try expected(batch + 1) > 2 << 30)
  }

  @Test func `ends with 1 where nothing fits`() throws {
    let outcome = try Program.run("plan", "llama-2-7b", "--method", "full", "--vram", "1GB")
    #expect(outcome.status == 1)
    #expect(outcome.output.contains("does not fit in 1 GiB, whatever is changed"))
  }

  @Test func `names the smallest set of changes that fit takes as flags`() throws {
    let budget = ["--vram", "12GB", "--format", "json"]
    let outcome = try Program.run(["plan", "llama-2-7b", "--method", "lora", "--batch", "2"] + budget)
    #expect(outcome.status == 0)
    let method = try #require((try outcome.object()["methods"] as? [[String: Any]])?.first)
    #expect(method["fits"] as? Bool == false)
    let flags = try #require((method["remedy"] as? [String: Any])?["flags"] as? String)
    let base = ["fit", "llama-2-7b"] + (flags.contains("--method") ? [] : ["--method", "lora"])
    let batch = flags.contains("--batch") ? [] : ["--batch", "2"]
    let fit = try Program.run(base + batch + flags.split(separator: " ").map(String.init) + budget)
    #expect(fit.status == 0, "\(flags)")
  }

  @Test func `compares devices, prices them and orders them by cost`() throws {
    let prices = Data("device,price\nrtx-4090,0.5\na100-80gb,2\nrtx-3090,0.25\n".utf8)
    try Scratch.with("prices.csv", prices) { path in
      let outcome = try Program.run(
        "plan", "llama-2-7b", "--method", "qlora", "--gpus", "rtx-4090,a100-80gb,rtx-3090", "--prices", path,
        "--tokens", "10M", "--format", "json")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let devices = try #require(try outcome.object()["devices"] as? [[String: Any]])
      let costs = devices.compactMap { $0["cost"] as? Double }
      #expect(costs.count == 3 && costs == costs.sorted())
      for device in devices {
        let alone = try #require(device["alone"] as? [String: Any])
        let rate = try #require(alone["tokens_per_second"] as? Double)
        let price = try #require(device["price_per_hour"] as? Double)
        let cost = try #require(device["cost"] as? Double)
        // The last of 9,766 steps of 1,024 tokens is not full.
        #expect(abs(cost - 9766 * 1024 / rate / 3600 * price) < 1e-9 * cost)
      }
    }
  }

  /// Samples of few and of many tokens.
  private static let data = Data(
    (0..<60).map { #"{"text": "\#(String(repeating: "a", count: 20 + $0 * $0 * 7919 % 1500))"}"# + "\n" }.joined().utf8)

  /// Few and narrow layers, so that a page of searches takes a moment over data too.
  private static let tiny = Data(
    """
    {"model_type": "llama", "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2,
     "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 8000, "max_position_embeddings": 512,
     "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "hidden_act": "silu"}
    """.utf8)

  @Test func `over data the fastest takes the fewest hours, and as many as fit says`() throws {
    try Scratch.with("data.jsonl", Self.data) { data in
      try Scratch.with("config.json", Self.tiny) { path in
        let common = ["--method", "lora", "--gpu", "rtx-4060", "--data", data, "--epochs", "3", "--format", "json"]
        let plan = try Program.run(["plan", path] + common).object()
        #expect((plan["run"] as? [String: Any])?["samples"] as? Int == 60)
        let fastest = try #require((plan["methods"] as? [[String: Any]])?.first?["fastest"] as? [String: Any])
        let hours = try #require((fastest["run"] as? [String: Any])?["hours"] as? Double)
        let recipe = try #require(fastest["recipe"] as? [String: Any])
        #expect(recipe["lengths"] as? String != nil)
        func fit(_ batch: Int) throws -> Double {
          let words = ["loss", "attention"].flatMap { ["--\($0)", "\(recipe[$0] ?? "")"] }
          let checkpoints = [recipe["checkpointing"] as? Bool == true ? "--checkpointing" : "--no-checkpointing"]
          let walk = ["--optimizer-implementation", "\(recipe["optimizer_implementation"] ?? "")"]
          let fit = try Program.run(["fit", path, "--batch", "\(batch)"] + words + checkpoints + walk + common)
          #expect(fit.status == 0, "\(fit.errors)")
          return try #require((try fit.object()["data"] as? [String: Any])?["hours"] as? Double)
        }
        let batch = try #require(recipe["batch"] as? Int)
        #expect(abs(try fit(batch) / hours - 1) < 1e-9)
        for other in [1, 2, 4, 8, 16] where other != batch { #expect(try fit(other) >= hours * (1 - 1e-9), "\(other)") }
      }
    }
  }

  @Test func `devices cost what the hours of the data do`() throws {
    try Scratch.with("data.jsonl", Self.data) { data in
      try Scratch.with("prices.csv", Data("device,price\nrtx-4090,0.5\na100-80gb,2\n".utf8)) { prices in
        let flags = ["smollm2-135m", "--method", "lora", "--batch", "2", "--data", data, "--format", "json"]
        let outcome = try Program.run(["plan", "--gpus", "a100-80gb,rtx-4090", "--prices", prices] + flags)
        let devices = try #require(try outcome.object()["devices"] as? [[String: Any]])
        #expect(devices.count == 2)
        for device in devices {
          let name = try #require(device["device"] as? String)
          let study = try #require(
            try Program.run(["fit", "--gpu", name] + flags).object()["data"] as? [String: Any])
          #expect((device["run"] as? [String: Any])?["steps"] as? Int == study["steps"] as? Int)
          let hours = try #require(study["hours"] as? Double)
          #expect(abs(try #require(device["hours"] as? Double) / hours - 1) < 1e-9)
          let price = try #require(device["price_per_hour"] as? Double)
          #expect(abs(try #require(device["cost"] as? Double) / (price * hours) - 1) < 1e-9)
        }
      }
    }
  }

  /// In the list the small card comes first, of which it takes several.
  @Test func `--emit takes the fewest GPUs, and with prices the cheapest run`() throws {
    let full = ["plan", "llama-2-7b", "--method", "full", "--dtype", "bf16", "--emit", "trl", "--gpus"]
    let (small, large) = (try Program.run(full + ["rtx-2060"]), try Program.run(full + ["h100"]))
    #expect(small.status == 0 && large.status == 0)
    try #require(small.output != large.output)
    #expect(try Program.run(full + ["rtx-2060,h100"]).output == large.output)
    for (cheap, dear, output) in [("rtx-2060", "h100", small.output), ("h100", "rtx-2060", large.output)] {
      let prices = Data("device,price\n\(cheap),0.001\n\(dear),100\n".utf8)
      try Scratch.with("prices.csv", prices) { path in
        for length in [[], ["--tokens", "1M"], ["--hours", "2"]] {
          let outcome = try Program.run(full + ["rtx-2060,h100", "--prices", path] + length)
          #expect(outcome.output == output, "\(cheap) \(length)")
        }
      }
    }
  }

  /// Of devices that carry it alone the smallest by memory is chosen, wherever it stands in the list.
  @Test func `the choice among single devices is the smallest`() throws {
    let flags = ["plan", "llama-2-7b", "--method", "qlora", "--format", "json", "--gpus"]
    for list in ["h100,rtx-4060,rtx-4090", "rtx-4090,h100,rtx-4060"] {
      let object = try Program.run(flags + [list]).object()
      #expect(((object["devices"] as? [[String: Any]])?.first)?["device"] as? String == "rtx-4060")
      #expect((object["choice"] as? [String: Any])?["method"] as? String == "qlora")
    }
  }

  @Test func `says how many GPUs it takes where one is too small`() throws {
    let outcome = try Program.run(
      "plan", "llama-2-7b", "--method", "full", "--gpus", "rtx-4090", "--format", "json")
    #expect(outcome.status == 0)
    let device = try #require((try outcome.object()["devices"] as? [[String: Any]])?.first)
    #expect((device["alone"] as? [String: Any])?["fits"] as? Bool == false)
    let shared = try #require(device["shared"] as? [[String: Any]])
    let counts = shared.compactMap { $0["gpus"] as? Int }
    #expect(!counts.isEmpty && counts == counts.sorted())
    let usable = try #require(device["usable_bytes"] as? Int)
    for way in shared {
      let bytes = try #require((way["device_bytes"] as? [String: Int])?["expected"])
      #expect(bytes <= usable)
    }
  }

  /// What is written, read again, is the recipe that was chosen.
  @Test(arguments: ["axolotl", "llama-factory", "trl"])
  func `writes the chosen recipe as a configuration that reads back`(program: String) throws {
    let arguments = ["plan", "smollm2-135m", "--method", "lora", "--vram", "4GB", "--seq", "512"]
    let stack = program == "trl" ? "trl" : program
    let planned = try Program.run(arguments + ["--stack", stack, "--format", "json"]).object()
    let chosen = try #require(planned["recipe"] as? [String: Any])
    let written = try Program.run(arguments + ["--emit", program])
    #expect(written.status == 0, "\(written.errors)")
    try Scratch.with("config.yml", Data(written.output.utf8)) { path in
      let fit = try Program.run("fit", "--config", path, "--vram", "4GB", "--format", "json")
      #expect(fit.status == 0, "\(fit.errors)")
      let back = try #require(try fit.object()["recipe"] as? [String: Any])
      for key in ["method", "rank", "batch", "seq", "grad_accum", "checkpointing", "attention", "optimizer", "stack"] {
        #expect("\(back[key] ?? "")" == "\(chosen[key] ?? "")", "\(key): \(written.output)")
      }
    }
  }

  @Test(arguments: [
    (["plan", "llama-2-7b"], Int32(64), "plan needs a budget"),
    (["plan", "llama-2-7b", "--vram", "24GB", "--gpu", "rtx-4090"], 64, "--vram and --gpu both name a budget"),
    (["plan", "llama-2-7b", "--gpus", "abacus"], 64, "--gpus abacus is unknown"),
    (["plan", "llama-2-7b", "--gpus", "all", "--vram", "8GB"], 64, "--vram and --gpu both name a budget"),
    (["plan", "llama-2-7b", "--vram", "8GB", "--hours", "2"], 64, "--prices and --hours are of a run"),
    (["plan", "llama-2-7b", "--gpus", "all", "--tokens", "1M", "--hours", "2"], 64, "--tokens and --hours exclude"),
    (["plan", "llama-2-7b", "--gpus", "all", "--data", "x", "--hours", "2"], 64, "--data and --hours exclude"),
    (["plan", "llama-2-7b", "--gpus", "all", "--hours", "0"], 64, "--hours is 0"),
    (["plan", "llama-2-7b", "--vram", "8GB", "--data", "/no/such.jsonl"], 66, ""),
    (["plan", "llama-2-7b", "--vram", "8GB", "--epochs", "2"], 64, "--epochs is about data"),
    (["plan", "llama-2-7b", "--gpus", "all", "--prices", "/no/such.csv"], 66, "/no/such.csv: there is no such file"),
    (["plan", "/no/such/config.json", "--vram", "8GB"], 66, ""),
    (["plan", "llama-2-7b", "--vram", "8GB", "--jobs", "0"], 64, "--jobs is 0"),
    (["fit", "llama-2-7b", "--vram", "8GB", "--gpus", "all"], 64, "--gpus all: this command takes the number"),
  ])
  func `bad input is told in one line, with its code`(arguments: [String], status: Int32, line: String) throws {
    let outcome = try Program.run(arguments)
    #expect(outcome.status == status)
    #expect(outcome.firstError.hasPrefix("plimsoll: " + line), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }

  @Test(arguments: ["price\n1\n", "device,price\nrtx-4090,cheap\n", "device,price\nrtx-4090\n", ""])
  func `a list of prices that is none ends with 65`(text: String) throws {
    try Scratch.with("prices.csv", Data(text.utf8)) { path in
      let outcome = try Program.run("plan", "llama-2-7b", "--gpus", "rtx-4090", "--prices", path)
      #expect(outcome.status == 65)
      #expect(outcome.errors.contains("prices.csv"))
    }
  }

  @Test func `text fits on 100 columns`() throws {
    let outcome = try Program.run(Self.small + ["--vram", "1GB"])
    for line in outcome.output.split(separator: "\n") { #expect(line.count <= 100, "\(line)") }
  }
}
