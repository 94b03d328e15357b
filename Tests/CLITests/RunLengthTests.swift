import Foundation
import Testing

/// How long a run takes, and what data makes of it.
@Suite struct `plimsoll fit of a whole run` {
  private static let small = ["fit", "llama-3.2-1b", "--method", "lora", "--seq", "256"]

  private static func lines(_ lengths: [Int]) -> Data {
    Data(lengths.map { #"{"text": "\#(String(repeating: "a", count: $0))"}"# + "\n" }.joined().utf8)
  }

  private static func object(_ arguments: [String]) throws -> [String: Any] {
    let outcome = try Program.run(small + arguments + ["--format", "json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try outcome.object()
  }

  @Test func `a step's time is its tokens over tokens a second`() throws {
    let object = try Self.object(["--gpu", "rtx-4090", "--batch", "2"])
    let time = try #require(object["time"] as? [String: Any])
    let step = try #require((time["step_seconds"] as? [String: Double])?["expected"])
    let rate = try #require(object["tokens_per_second"] as? Double)
    #expect(abs(step * rate - 512) < 1e-6)
    #expect(["products", "bytes", "host"].contains(time["bound"] as? String))
    let operations = try #require(time["operations"] as? [[String: Any]])
    let sum = operations.compactMap { $0["flops"] as? Int }.reduce(0, +)
    #expect(sum == (object["flops"] as? [String: Int])?["total"])
    #expect(Set(operations.compactMap { $0["weights"] as? String }) == ["frozen", "trained", "weightless"])
    #expect(object["data"] is NSNull)
  }

  @Test func `tokens and samples make hours`() throws {
    let tokens = try Self.object(["--gpu", "rtx-4090", "--tokens", "256000000", "--epochs", "2"])
    let time = try #require(tokens["time"] as? [String: Any])
    let run = try #require(time["run"] as? [String: Any])
    #expect(run["steps"] as? Int == 2_000_000)
    let step = try #require((time["step_seconds"] as? [String: Double])?["expected"])
    #expect(abs(try #require(run["hours"] as? Double) / (2_000_000 * step / 3600) - 1) < 1e-9)
    let samples = try Self.object(["--gpu", "rtx-4090", "--samples", "100", "--batch", "3", "--grad-accum", "4"])
    let other = try #require((samples["time"] as? [String: Any])?["run"] as? [String: Any])
    // 34 micro-batches of three, nine steps of four.
    #expect(other["steps"] as? Int == 9)
  }

  @Test func `without a card there are steps and no hours`() throws {
    let object = try Self.object(["--vram", "24GB", "--samples", "100"])
    let time = try #require(object["time"] as? [String: Any])
    let run = try #require(time["run"] as? [String: Any])
    #expect(run["steps"] as? Int == 100 && run["hours"] is NSNull)
    #expect(time["step_seconds"] == nil)
  }

  // Llama 3's vocabulary: 3.94 bytes a token, and one that ends the text. 394 letters are 101 tokens.
  @Test func `data decides lengths, steps, padding and time`() throws {
    try Scratch.with("data.jsonl", Self.lines(Array(repeating: 394, count: 30) + [788, 3940])) { path in
      let flags = ["--gpu", "rtx-4090", "--batch", "2", "--data", path, "--epochs", "3"]
      let object = try Self.object(flags)
      let data = try #require(object["data"] as? [String: Any])
      #expect(data["samples"] as? Int == 32)
      let lengths = try #require(data["lengths"] as? [String: Any])
      #expect(lengths["min"] as? Int == 101 && lengths["median"] as? Int == 101 && lengths["max"] as? Int == 1001)
      #expect(data["cut_samples"] as? Int == 1)
      #expect(data["worst_micro_batch_tokens"] as? Int == 512)
      #expect(data["steps"] as? Int == 48)
      #expect((data["hours"] as? Double ?? 0) > 0)
      let recipe = try #require(object["recipe"] as? [String: Any])
      #expect(recipe["lengths"] as? String == "32 samples of 101 to 1001 tokens")
      let orders = try #require(data["orders"] as? [[String: Any]])
      #expect(orders.compactMap { $0["order"] as? String } == ["random", "grouped", "packed"])
      // 30 × 101, 201 and 256 tokens: two to a row of 256 but for the two long ones.
      #expect(orders[2]["rows"] as? Int == 17)
      #expect(orders.allSatisfy { ($0["tokens"] as? Int) == 30 * 101 + 201 + 256 })
      // Short samples make a step shorter than the longest does.
      let padded = try #require(orders[0]["padded_tokens"] as? Int)
      #expect(padded < 32 * 256)
      let packed = try Self.object(flags + ["--packing"])
      #expect((packed["data"] as? [String: Any])?["order"] as? String == "packed")
      #expect((packed["recipe"] as? [String: Any])?["lengths"] is NSNull)
    }
  }

  @Test func `a tokenizer counts what run counts`() throws {
    let checkpoint = try TinyCheckpoint()
    let arguments = [
      "fit", checkpoint.model, "--stack", "trl", "--vram", "8GB", "--data", checkpoint.data, "--tokenizer",
      checkpoint.model, "--seq", "128", "--format", "json",
    ]
    let data = try #require(try Program.run(arguments).object()["data"] as? [String: Any])
    #expect((data["counted_by"] as? [String: Any])?["tokenizer"] as? String == checkpoint.model)
    #expect(data["samples"] as? Int == 24)
    let lengths = try #require(data["lengths"] as? [String: Any])
    #expect((5...64).contains(try #require(lengths["max"] as? Int)))
  }

  @Test func `a bad line is named, or left out`() throws {
    let text = Data(#"{"text": "good"}"#.utf8) + Data("\n{\"text\": 3}\n".utf8)
    try Scratch.with("data.jsonl", text) { path in
      let outcome = try Program.run(Self.small + ["--vram", "24GB", "--data", path])
      #expect(outcome.status == 65)
      #expect(outcome.firstError.contains("line 2") && outcome.firstError.contains(path))
      let skipping = try Program.run(Self.small + ["--vram", "24GB", "--data", path, "--skip-bad-lines"])
      #expect(skipping.status == 0)
      #expect(skipping.output.contains("1 line left out"))
    }
  }

  @Test(arguments: [
    (["--data", "no-such-file.jsonl"], Int32(66), "no-such-file.jsonl"),
    (["--tokens", "5", "--samples", "5"], 64, "--tokens and --samples exclude each other"),
    (["--tokens", "0"], 64, "--tokens is 0"),
    (["--samples", "9", "--epochs", "0"], 64, "--epochs is 0"),
    (["--epochs", "2"], 64, "--epochs is about data"),
    (["--packing"], 64, "--packing is about data"),
    (["--tokenizer", "x"], 64, "--tokenizer is about data"),
  ])
  func `what cannot be is said`(flags: [String], status: Int32, line: String) throws {
    let outcome = try Program.run(Self.small + ["--vram", "24GB"] + flags)
    #expect(outcome.status == status)
    #expect(outcome.firstError.contains(line), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }

  @Test func `the time is explained`() throws {
    let outcome = try Program.run(Self.small + ["--gpu", "rtx-4090", "--time"])
    for words in ["How long it takes", "bound by", "Operations of the step", "frozen", "trained", "GB/s"] {
      #expect(outcome.output.contains(words), "\(words)")
    }
  }
}
