import Foundation
import Testing

/// What `run` and `merge` are given and cannot use: the contract's exit code, one line that names it, no result.
@Suite struct `Input of run and merge` {
  private func expect(
    _ outcome: Program.Outcome, _ status: Int32, _ parts: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.status == status, "\(outcome.errors)", sourceLocation: sourceLocation)
    let complaints = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("plimsoll: ") }
    #expect(complaints.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
    for part in parts {
      #expect(complaints.first?.contains(part) == true, "\(outcome.errors)", sourceLocation: sourceLocation)
    }
    #expect(outcome.output.isEmpty, sourceLocation: sourceLocation)
  }

  @Test func `a bad line is named by file and number, or left out where that is asked for`() throws {
    let tiny = try TinyCheckpoint()
    var lines = TinyCheckpoint.lines(8)
    lines[4] = #"{"prompt": 3"#
    try tiny.write(lines, to: "bad.jsonl")
    let refused = try tiny.run("--steps", "2", "--output", tiny["out"], data: tiny["bad.jsonl"])
    expect(refused, 65, "bad.jsonl, line 5: ", "--skip-bad-lines")
    let skipped = try tiny.run(
      "--steps", "2", "--skip-bad-lines", "--output", tiny["out"], "--format", "json", data: tiny["bad.jsonl"])
    #expect(skipped.status == 0)
    #expect(skipped.errors.contains("7 examples from 8 lines"))
    let notes = try skipped.lineObjects().last?["notes"] as? [String]
    #expect(notes?.contains { $0.contains("line 5") } == true)
  }

  @Test func `data that is not there or has nothing in it`() throws {
    let tiny = try TinyCheckpoint()
    expect(try tiny.run("--output", tiny["out"], data: tiny["none.jsonl"]), 66, "none.jsonl", "no such file")
    try tiny.write([""], to: "empty.jsonl")
    expect(try tiny.run("--output", tiny["out"], data: tiny["empty.jsonl"]), 65, "no example")
  }

  @Test func `weights that are not there, cut short, or of a preset`() throws {
    let tiny = try TinyCheckpoint()
    expect(try tiny.run(model: "llama-2-7b"), 64, "llama-2-7b is a preset")
    expect(try tiny.run("--random-weights", model: "llama-2-7b"), 64, "--tokenizer")
    let weights = tiny["model/model.safetensors"]
    let bytes = try Data(contentsOf: URL(fileURLWithPath: weights))
    for count in [0, 7, 100, 100_000, bytes.count - 1] {
      try bytes.prefix(count).write(to: URL(fileURLWithPath: weights))
      expect(try tiny.run("--steps", "1", "--output", tiny["out"]), 65, "model.safetensors")
    }
    try FileManager.default.removeItem(atPath: weights)
    expect(try tiny.run("--steps", "1", "--output", tiny["out"]), 66, "holds no weights")
  }

  @Test func `random weights need nothing but the model's shape and a tokenizer`() throws {
    let tiny = try TinyCheckpoint()
    try FileManager.default.removeItem(atPath: tiny["model/model.safetensors"])
    let outcome = try tiny.run(
      "--random-weights", "--optimizer-in-backward", "--method", "full", "--steps", "2", "--output", tiny["out"],
      "--format", "json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let summary = try #require(try outcome.lineObjects().last)
    #expect(summary["balanced"] as? Bool == true)
  }

  @Test func `clipping to a common norm is refused where gradients are consumed in backward`() throws {
    let tiny = try TinyCheckpoint()
    expect(
      try tiny.run("--optimizer-in-backward", "--max-grad-norm", "1", "--output", tiny["out"]), 64,
      "--max-grad-norm is 1", "--optimizer-in-backward")
  }

  @Test func `a tokenizer that is not there, or is none`() throws {
    let tiny = try TinyCheckpoint()
    let path = tiny["model/tokenizer.json"]
    try FileManager.default.moveItem(atPath: path, toPath: tiny["tokenizer.json"])
    expect(try tiny.run("--steps", "1", "--output", tiny["out"]), 66, "tokenizer.json")
    let elsewhere = try tiny.run("--steps", "1", "--tokenizer", tiny["tokenizer.json"], "--output", tiny["out"])
    #expect(elsewhere.status == 0, "\(elsewhere.errors)")
    try Data("{}".utf8).write(to: URL(fileURLWithPath: path))
    expect(try tiny.run("--steps", "1", "--output", tiny["out"]), 65, "the tokenizer's field model")
  }

  @Test(arguments: [
    (["--steps", "0"], "--steps is 0"), (["--epochs", "-1"], "--epochs is -1"), (["--batch", "0"], "--batch is 0"),
    (["--seq", "0"], "--seq is 0"), (["--seq", "129"], "--seq is 129"), (["--grad-accum", "0"], "--grad-accum is 0"),
    (["--steps", "2", "--warmup-steps", "3"], "--warmup-steps is 3"),
    (["--eval-fraction", "1"], "--eval-fraction is 1"),
    (["--eval-every", "0"], "--eval-every is 0"), (["--save-every", "-1"], "--save-every is -1"),
    (["--max-grad-norm", "-1"], "--max-grad-norm is -1"), (["--learning-rate", "-1"], "--learning-rate is -1"),
    (["--group", "lora_B"], "--group is lora_B"), (["--group", "lora_B=-1"], "--group is -1"),
    (["--group", "=2"], "--group is empty"), (["--group", "lora_b=2"], "--group is lora_b=2"),
    (["--lora-dropout", "1"], "--lora-dropout is 1"), (["--threads", "0"], "--threads is 0"),
    (["--optimizer", "lion"], "the optimizer lion"), (["--stack", "trl"], "--stack is trl"),
  ])
  func `flags that cannot be`(flags: [String], line: String) throws {
    let tiny = try TinyCheckpoint(examples: 4)
    expect(try Program.run(tiny.arguments(flags + ["--output", tiny["out"]])), 64, line)
    #expect(tiny.lines(of: "out/metrics.jsonl").isEmpty)
  }

  @Test func `an output folder that cannot be is known before anything is loaded`() throws {
    let tiny = try TinyCheckpoint()
    let data = try Data(contentsOf: URL(fileURLWithPath: tiny.data))
    for folder in [tiny.data, tiny.data + "/out"] {
      let outcome = try tiny.run("--steps", "1", "--output", folder)
      expect(outcome, 69, "cannot be written")
      #expect(!outcome.errors.contains("loading"))
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: tiny.data)) == data)
  }

  @Test func `a run that diverges says what to do`() throws {
    let tiny = try TinyCheckpoint()
    let outcome = try tiny.run(
      "--steps", "9", "--learning-rate", "1e30", "--max-grad-norm", "0", "--output", tiny["out"])
    expect(outcome, 65, "is not a finite number: lower the learning rate")
  }

  @Test func `adapters that are not there, are damaged, or do not fit`() throws {
    let tiny = try TinyCheckpoint()
    expect(try tiny.run("--adapter", tiny["none"], "--output", tiny["out"]), 66, "none/adapter_config.json")
    let merge = ["merge", tiny.model, "--output", tiny["merged"], "--adapter"]
    expect(try Program.run(merge + [tiny["none"]]), 66, "none/adapter_config.json")
    #expect(try tiny.run("--steps", "1", "--output", tiny["out"]).status == 0)
    let full = ["run", tiny.model, "--data", tiny.data, "--method", "full", "--adapter", tiny["out"], "--steps", "1"]
    expect(try Program.run(full + ["--output", tiny["full"]]), 64, "full trains no adapter")
    let weights = URL(fileURLWithPath: tiny["out/adapter_model.safetensors"])
    let bytes = try Data(contentsOf: weights)
    try bytes.dropLast(9).write(to: weights)
    expect(try Program.run(merge + [tiny["out"]]), 65, "adapter_model.safetensors")
    expect(try tiny.run("--adapter", tiny["out"], "--output", tiny["more"]), 65, "adapter_model.safetensors")
    try FileManager.default.removeItem(at: weights)
    expect(try Program.run(merge + [tiny["out"]]), 66, "adapter_model.safetensors")
    #expect(!FileManager.default.fileExists(atPath: tiny["merged/model.safetensors"]))
  }

  @Test func `merge leaves its base alone`() throws {
    let tiny = try TinyCheckpoint()
    #expect(try tiny.run("--steps", "1", "--output", tiny["out"]).status == 0)
    let weights = URL(fileURLWithPath: tiny["model/model.safetensors"])
    let before = try Data(contentsOf: weights)
    let outcome = try Program.run("merge", tiny.model, "--adapter", tiny["out"], "--output", tiny.model + "/.")
    expect(outcome, 64, "which is the base")
    expect(try Program.run("merge", "llama-2-7b", "--adapter", tiny["out"], "--output", tiny["m"]), 64, "is a preset")
    #expect(try Data(contentsOf: weights) == before)
  }
}
