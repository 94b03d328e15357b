import Foundation
import Testing

@Suite struct `plimsoll probe` {
  /// The script that the program writes for these flags.
  private func script(_ flags: String...) throws -> String {
    let outcome = try Program.run(["probe"] + flags + ["--output", "-"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return outcome.output
  }

  private func settings(of script: String) throws -> [String: Any] {
    let start = try #require(script.range(of: "r\"\"\"\n")).upperBound
    let end = try #require(script.range(of: "\n\"\"\"\n", range: start..<script.endIndex)).lowerBound
    return try #require(
      try JSONSerialization.jsonObject(with: Data(script[start..<end].utf8)) as? [String: Any])
  }

  @Test func `embeds the recipe that it was asked for`() throws {
    let settings = try settings(
      of: script(
        "llama-2-7b", "--method", "qlora", "--rank", "8", "--targets", "attention", "--seq", "300", "--batch", "2",
        "--grad-accum", "8", "--stack", "transformers", "--no-double-quant", "--no-checkpointing"))
    let recipe = try #require(settings["recipe"] as? [String: Any])
    #expect(recipe["method"] as? String == "qlora")
    #expect(recipe["quant"] as? String == "nf4")
    #expect(recipe["rank"] as? Int == 8)
    #expect(recipe["seq"] as? Int == 300)
    #expect(recipe["batch"] as? Int == 2)
    #expect(recipe["grad_accum"] as? Int == 2)
    #expect(recipe["checkpointing"] as? Bool == false)
    #expect(
      recipe["target_modules"] as? [String]
        == ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"])
    #expect(settings["runner"] as? String == "trainer")
    #expect(settings["prepares"] as? Bool == true)
    let model = try #require(settings["model"] as? [String: Any])
    #expect(model["layers"] as? Int == 32)
    let config = try #require(model["config"] as? [String: Any])
    #expect(config["hidden_size"] as? Int == 4096)
    #expect(config["model_type"] as? String == "llama")
  }

  /// A name may hold whatever ends a string in Python or JSON.
  @Test func `embeds a model of any name`() throws {
    let name = #"a"""b\'''c"# + "\u{7}é"
    let config =
      #"{"model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "#
      + #""num_attention_heads": 4, "vocab_size": 100, "note": "\"\"\"\\"}"#
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
      .appendingPathComponent(name)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder.deletingLastPathComponent()) }
    let file = folder.appendingPathComponent("config.json")
    try Data(config.utf8).write(to: file)
    let script = try script(file.path, "--method", "full", "--stack", "transformers")
    let model = try #require(settings(of: script)["model"] as? [String: Any])
    #expect(model["name"] as? String == name)
    #expect((model["config"] as? [String: Any])?["note"] as? String == "\"\"\"\\")
    if let python = Python.path { #expect(try Python.compiles(script, with: python)) }
  }

  @Test(
    .enabled(if: Python.path != nil, "python3 is not installed"),
    arguments: [["trl", "lora"], ["trl", "qlora"], ["transformers", "full"], ["transformers", "qlora"]])
  func `writes Python`(setting: [String]) throws {
    let script = try script("qwen2.5-0.5b", "--stack", setting[0], "--method", setting[1])
    #expect(try Python.compiles(script, with: #require(Python.path)))
    #expect(!script.contains("@SETTINGS@"))
  }

  @Test(.enabled(if: Python.path != nil, "python3 is not installed"))
  func `the script explains itself, and refuses more layers than there are`() throws {
    let script = try script("qwen2.5-0.5b")
    let help = try Python.run(script, ["--help"], with: #require(Python.path))
    #expect(help.status == 0)
    for flag in ["--layers", "--steps", "--output", "--device"] { #expect(help.text.contains(flag)) }
    let refusal = try Python.run(script, ["--layers", "25"], with: #require(Python.path))
    #expect(refusal.status == 2)
    #expect(refusal.text.contains("qwen2.5-0.5b has 24"))
  }

  /// Where torch is not installed that is the result, and not a traceback.
  @Test(.enabled(if: Python.path != nil, "python3 is not installed"))
  func `the script records what is missing`() throws {
    let script = try script("smollm2-135m", "--method", "full", "--stack", "transformers")
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // A package of that name that can't be imported stands before any that is installed.
    try Data("raise ImportError('no torch here')\n".utf8).write(to: folder.appendingPathComponent("torch.py"))
    let output = folder.appendingPathComponent("probe.json").path
    let run = try Python.run(
      script, ["--layers", "1", "--device", "cpu", "--output", output], with: #require(Python.path), in: folder)
    #expect(run.status == 1)
    #expect(run.text.contains("missing_package: no torch here"), "\(run.text)")
    let outcome = try Program.run("validate", "--probe", output)
    #expect(outcome.status == 65)
    #expect(outcome.firstError.contains("no number of layers got through its second step: no torch here"))
  }

  @Test func `writes a file and says what to do with it`() throws {
    try Scratch.with("nothing", Data()) { path in
      let file = path + ".py"
      let outcome = try Program.run("probe", "smollm2-135m", "--gpu", "rtx-4090", "--output", file)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("which fits the GeForce RTX"))
      #expect(try String(contentsOfFile: file, encoding: .utf8).hasPrefix("#!/usr/bin/env python3\n"))
    }
  }

  @Test(arguments: [
    (["--stack", "plimsoll"], "--stack plimsoll: the probe has no runner for it, only for trl, transformers"),
    (["--loss", "full"], "--loss full: the probe can't run it: SFTTrainer makes no full logits"),
    (["--stack", "transformers", "--loss", "fused"], "--loss fused: the probe can't run it"),
    (["--gpu", "abacus"], "--gpu abacus is unknown"),
  ])
  func `refuses what it can't run`(flags: [String], line: String) throws {
    let outcome = try Program.run(["probe", "llama-2-7b", "--output", "-"] + flags)
    #expect(outcome.status == 64)
    #expect(outcome.firstError.hasPrefix("plimsoll: " + line), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }
}

@Suite struct `plimsoll validate --probe` {
  /// A probe that really ran; see PlanningTests.
  private static let recording = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("PlanningTests/Probe/Recordings/full.json")

  @Test func `says what the plan is off by`() throws {
    let outcome = try Program.run("validate", "--probe", Self.recording.path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("smollm2-135m, full fine-tuning on the transformers stack: the planned peak"))
    #expect(outcome.output.contains("At the peak, with all 30 layers"))
  }

  @Test func `JSON has every phase`() throws {
    let object = try Program.run("validate", "--probe", Self.recording.path, "--format", "json").object()
    let phases = try #require(object["phases"] as? [[String: Any]])
    #expect(Set(phases.compactMap { $0["phase"] as? String }) == ["load", "forward", "loss", "backward", "optimizer"])
    let whole = try #require(object["whole"] as? [String: Any])
    #expect(whole["layers"] as? Int == 30)
    #expect(whole["fits"] is NSNull)
  }

  @Test(arguments: ["csv", "markdown"])
  func `tables have a row for every figure`(format: String) throws {
    let output = try Program.run("validate", "--probe", Self.recording.path, "--format", format).output
    // Nine figures, for one, two and three layers; people see the deepest alone.
    let rows = output.split(separator: "\n").filter { $0.contains("backward") && $0.contains("peak") }
    #expect(rows.count == (format == "csv" ? 3 : 2))
  }

  @Test func `a file that is cut short, foreign or missing is told`() throws {
    let data = try Data(contentsOf: Self.recording)
    try Scratch.with("probe.json", data.prefix(data.count / 2)) { path in
      let outcome = try Program.run("validate", "--probe", path)
      #expect(outcome.status == 65)
      #expect(outcome.firstError.contains("perhaps cut short"))
    }
    try Scratch.with("probe.json", Data("{}".utf8)) { path in
      let outcome = try Program.run("validate", "--probe", path)
      #expect(outcome.status == 65)
      #expect(outcome.firstError.contains("is no result of plimsoll probe"))
    }
    let outcome = try Program.run("validate", "--probe", "/nowhere/probe.json")
    #expect(outcome.status == 66)
    #expect(outcome.output.isEmpty)
  }
}
