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
  ])
  func `what cannot be run is refused before it is tried`(flags: [String], line: String) throws {
    try Scratch.with("config.json", Self.config) { path in
      let outcome = try Program.run(["check", path, "--seq", "32"] + flags)
      #expect(outcome.status == 64)
      #expect(outcome.firstError.hasPrefix("plimsoll: " + line), "\(outcome.errors)")
      #expect(outcome.output.isEmpty)
    }
  }
}
