import Foundation
import Testing

@Suite struct `plimsoll check` {
  /// A model so small that its step takes milliseconds.
  private static let config = Data(
    """
    {"model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
     "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 512, "max_position_embeddings": 128,
     "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "hidden_act": "silu"}
    """.utf8)

  @Test(arguments: ["full", "lora", "qlora"])
  func `plans and runs a step, and the books balance`(method: String) throws {
    try Scratch.with("config.json", Self.config) { path in
      let outcome = try Program.run(
        "check", path, "--method", method, "--seq", "32", "--steps", "2", "--threads", "1", "--format", "json")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let object = try outcome.object()
      #expect(object["balanced"] as? Bool == true)
      #expect((object["differences"] as? [Any])?.isEmpty == true)
      for book in ["planned", "measured"] {
        let side = try #require(object[book] as? [String: Any])
        let accounts = try #require(side["accounts"] as? [String: Int])
        let peak = try #require(side["peak"] as? [String: Any])
        #expect(accounts.values.reduce(0, +) == peak["bytes"] as? Int)
      }
      let resident = try #require(object["rss"] as? [String: Int])
      #expect(Set(resident.keys) == ["baseline_bytes", "peak_bytes", "explained_bytes"])
      #expect((object["tokens_per_second"] as? Double ?? 0) > 0)
      // Untrained weights know nothing: ln 512 = 6.24, within what random logits add.
      let loss = try #require(object["loss"] as? Double)
      #expect((5.5...7.5).contains(loss))
    }
  }

  @Test(arguments: [
    (["--stack", "trl"], "--stack is trl: it must be plimsoll"),
    (["--threads", "0"], "--threads is 0"),
    (["--steps", "0"], "--steps is 0"),
    (["--seq", "129"], "--seq is 129"),
    (["--rank", "0"], "--rank is 0"),
    (["--checkpoint-every", "3"], "--checkpoint-every is 3"),
    (["--checkpoint-every", "2", "--no-checkpointing"], "--checkpoint-every 2"),
    (["--partial-sums", "fp16"], "--partial-sums fp16 is about products of bf16 numbers"),
    (["--partial-sums", "bf16"], "The value 'bf16' is invalid for '--partial-sums"),
    (["--optimizer-in-backward", "--grad-accum", "2"], "--optimizer-in-backward with --grad-accum 2: "),
  ])
  func `what cannot be run is refused before it is tried`(flags: [String], line: String) throws {
    try Scratch.with("config.json", Self.config) { path in
      let outcome = try Program.run(["check", path, "--seq", "32"] + flags)
      #expect(outcome.status == 64)
      #expect(outcome.firstError.hasPrefix("plimsoll: " + line), "\(outcome.errors)")
      #expect(outcome.output.isEmpty)
    }
  }

  @Test func `holds the process to a limit that the system enforces`() throws {
    try Scratch.with("config.json", Self.config) { path in
      let arguments = ["check", path, "--method", "qlora", "--seq", "32", "--threads", "1", "--format", "json"]
      let outcome = try Program.run(arguments + ["--steps", "1", "--limit", "1GB"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      let limit = try #require(try outcome.object()["limit"] as? [String: Any])
      #expect(limit["bytes"] as? Int == 1 << 30)
      #expect(limit["name"] as? String == "RLIMIT_AS")
      // The tables alone take more: refused with the figures, not killed.
      let vocabulary = try Program.run([
        "check", "smollm2-135m", "--method", "full", "--threads", "1", "--limit", "1GB",
      ])
      #expect(vocabulary.status == 69)
      #expect(vocabulary.errors.contains("the address space limit"), "\(vocabulary.errors)")
    }
  }

  @Test func `a limit that leaves no room for the program is refused`() throws {
    try Scratch.with("config.json", Self.config) { path in
      let outcome = try Program.run(["check", path, "--limit", "16MB"])
      #expect(outcome.status == 64)
      #expect(outcome.firstError.hasPrefix("plimsoll: --limit is 16"), "\(outcome.errors)")
    }
  }

  @Test func `repeated data has a loss that falls`() throws {
    try Scratch.with("config.json", Self.config) { path in
      let outcome = try Program.run(
        "check", path, "--method", "full", "--optimizer", "adamw-8bit", "--optimizer-in-backward",
        "--checkpoint-every", "2", "--learning-rate", "1e-3", "--seq", "32", "--steps", "4", "--repeat-data",
        "--threads", "1", "--format", "json")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let object = try outcome.object()
      #expect(object["balanced"] as? Bool == true)
      let steps = try #require(object["steps"] as? [[String: Double]])
      let losses = steps.compactMap { $0["loss"] }
      #expect(losses.count == 4)
      #expect(zip(losses, losses.dropFirst()).allSatisfy { $0 > $1 }, "\(losses)")
    }
  }

  @Test func `weights of a model's own are asked for where there are none`() throws {
    try Scratch.with("config.json", Self.config) { path in
      let outcome = try Program.run(["check", path, "--seq", "32", "--no-random-weights"])
      #expect(outcome.status == 66, "\(outcome.errors)")
    }
    let outcome = try Program.run(["check", "smollm2-135m", "--no-random-weights"])
    #expect(outcome.status == 64)
    #expect(outcome.firstError.contains("is a preset"), "\(outcome.errors)")
  }
}
