import Foundation
import Testing

@Suite struct `plimsoll run` {
  @Test(arguments: ["full", "lora", "qlora"])
  func `prints a line of JSON a step, and the ledger as the last`(method: String) throws {
    let tiny = try TinyCheckpoint()
    let outcome = try tiny.run(
      "--method", method, "--steps", "4", "--grad-accum", "2", "--output", tiny["out"], "--format", "json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let lines = try outcome.lineObjects()
    let steps = lines.filter { $0["loss"] != nil }
    #expect(steps.compactMap { $0["step"] as? Int } == [1, 2, 3, 4])
    for step in steps {
      // Two micro-batches of one row, 24 tokens long: the longest example, rounded up to a multiple of 8.
      #expect(step["tokens"] as? Int == 48)
      #expect((step["seconds"] as? Double ?? 0) > 0)
      // Untrained weights know nothing of 900 tokens: ln 900 = 6.80, within what random logits add.
      #expect((6...7.6).contains(step["loss"] as? Double ?? 0))
    }
    let summary = try #require(lines.last)
    #expect((summary["tokens_per_second"] as? Double ?? 0) > 0)
    #expect((summary["flops_per_second"] as? Double ?? 0) > 0)
    let share = try #require(summary["product_peak_share"] as? Double)
    #expect(share > 0 && share < 1)
    #expect(summary["balanced"] as? Bool == true)
    #expect(summary["tokens"] as? Int == 192)
    let accounts = try #require(summary["accounts"] as? [String: Int])
    #expect(accounts.values.reduce(0, +) == summary["peak_bytes"] as? Int)
    #expect(accounts == summary["planned_accounts"] as? [String: Int])
    for file in try #require(summary["files"] as? [String]) {
      #expect(FileManager.default.fileExists(atPath: file), "\(file)")
    }
    // The file has all that was printed but the summary.
    #expect(outcome.output.split(separator: "\n").dropLast().map(String.init) == tiny.lines(of: "out/metrics.jsonl"))
    #expect(outcome.errors.contains("step 4 of 4: loss"))
    #expect(outcome.errors.contains("tokens/s"))
    #expect(outcome.errors.contains(" left"))
  }

  @Test func `evaluates before, in between and after, and perplexity is e^loss`() throws {
    let tiny = try TinyCheckpoint()
    let outcome = try tiny.run(
      "--steps", "5", "--eval-every", "2", "--eval-fraction", "0.25", "--output", tiny["out"], "--format", "json")
    let lines = try outcome.lineObjects().filter { $0["evaluation_loss"] != nil }
    #expect(lines.compactMap { $0["step"] as? Int } == [0, 2, 4, 5])
    for line in lines {
      let loss = try #require(line["evaluation_loss"] as? Double)
      let perplexity = try #require(line["perplexity"] as? Double)
      #expect(abs(perplexity - exp(loss)) < 1e-12 * perplexity)
    }
    #expect(outcome.errors.contains("on 6 examples"))
    let none = try tiny.run("--steps", "2", "--eval-fraction", "0", "--output", tiny["bare"])
    #expect(none.status == 0)
    #expect(tiny.lines(of: "bare/metrics.jsonl").count == 2)
  }

  @Test(arguments: ["1", "2"])
  func `a seed makes a run repeat to the last digit, and another seed does not`(threads: String) throws {
    let tiny = try TinyCheckpoint()
    func metrics(_ seed: String, _ folder: String) throws -> [String] {
      let outcome = try tiny.run(
        "--steps", "6", "--lora-dropout", "0.1", "--seed", seed, "--threads", threads, "--output", tiny[folder])
      #expect(outcome.status == 0, "\(outcome.errors)")
      return tiny.lines(of: folder + "/metrics.jsonl").map(withoutSeconds)
    }
    let first = try metrics("5", "a")
    #expect(try metrics("5", "b") == first)
    #expect(try metrics("6", "c") != first)
  }

  @Test func `epochs become steps`() throws {
    let tiny = try TinyCheckpoint()
    // 24 examples less 2 for evaluation; 22 in batches of 4 are 6, and two epochs of them 12.
    let outcome = try tiny.run("--epochs", "2", "--batch", "4", "--output", tiny["out"], "--format", "json")
    #expect(try outcome.lineObjects().last?["steps"] as? Int == 12)
  }

  @Test func `the learning rate follows the schedule`() throws {
    let tiny = try TinyCheckpoint()
    let outcome = try tiny.run(
      "--steps", "5", "--schedule", "linear", "--warmup-steps", "2", "--learning-rate", "0.003", "--output",
      tiny["out"], "--format", "json")
    let rates = try outcome.lineObjects().compactMap { $0["learning_rate"] as? Double }
    #expect(rates.count == 5)
    for (rate, expected) in zip(rates, [0, 0.0015, 0.003, 0.002, 0.001]) { #expect(abs(rate - expected) < 1e-15) }
  }

  @Test func `an adapter is written, and a run goes on from it`() throws {
    let tiny = try TinyCheckpoint()
    let first = try tiny.run("--steps", "4", "--learning-rate", "0.01", "--output", tiny["out"], "--format", "json")
    #expect(first.status == 0, "\(first.errors)")
    let second = try tiny.run("--steps", "1", "--adapter", tiny["out"], "--output", tiny["more"], "--format", "json")
    #expect(second.status == 0, "\(second.errors)")
    // The same numbers on the same examples: the loss after the first run is the one before the second.
    #expect(try evaluations(second).first == evaluations(first).last)
    #expect(try evaluations(first).first != evaluations(first).last)
    let other = try tiny.run("--steps", "1", "--rank", "8", "--adapter", tiny["out"], "--output", tiny["none"])
    #expect(other.status == 64)
    #expect(other.errors.contains("the adapter's rank is 4"))
  }

  @Test func `a merged checkpoint is a model, with the loss of base and adapter`() throws {
    let tiny = try TinyCheckpoint()
    let run = try tiny.run("--steps", "8", "--learning-rate", "0.02", "--output", tiny["out"], "--format", "json")
    let merge = try Program.run("merge", tiny.model, "--adapter", tiny["out"], "--output", tiny["merged"])
    #expect(merge.status == 0, "\(merge.errors)")
    #expect(merge.output == "\(tiny["merged"])/model.safetensors\n\(tiny["merged"])/config.json\n")
    #expect(try Program.run("fit", tiny["merged"], "--vram", "8GB").status == 0)
    let again = try tiny.run("--steps", "1", "--output", tiny["again"], "--format", "json", model: tiny["merged"])
    #expect(again.status == 0, "\(again.errors)")
    // W·x + s·B·(A·x) and (W + s·B·A)·x differ by the rounding to fp32 of every merged weight, 6e-8 of it, through two
    // layers of sums of at most 64 products; the mean over labels evens most of that out.
    let evaluations = try (evaluations(run), evaluations(again))
    let (before, beside, merged) = try (
      #require(evaluations.0.first), #require(evaluations.0.last), #require(evaluations.1.first)
    )
    #expect(abs(merged - beside) < 2e-6 * beside, "\(merged), beside \(beside)")
    #expect(abs(beside - before) > 1e-2, "an adapter that does nothing proves nothing")
  }

  @Test func `a full run writes a checkpoint that is a model again`() throws {
    let tiny = try TinyCheckpoint()
    let first = try tiny.run("--method", "full", "--steps", "3", "--output", tiny["out"], "--format", "json")
    #expect(first.status == 0, "\(first.errors)")
    #expect(try Program.run("fit", tiny["out/model"], "--vram", "8GB").status == 0)
    let second = try tiny.run("--steps", "1", "--output", tiny["more"], "--format", "json", model: tiny["out/model"])
    // fp32 is written as it is.
    #expect(try evaluations(second).first == evaluations(first).last)
  }

  private func evaluations(_ outcome: Program.Outcome) throws -> [Double] {
    try outcome.lineObjects().compactMap { $0["evaluation_loss"] as? Double }
  }
}

/// A line of metrics without what no two runs have in common.
func withoutSeconds(_ line: String) -> String {
  line.replacingOccurrences(of: #""seconds": [^,}]+"#, with: #""seconds": 0"#, options: .regularExpression)
}
