import Foundation
import Testing

@Suite struct `plimsoll run --resume` {
  private static let steps = 900
  private static let every = 30

  private func flags(_ tiny: TinyCheckpoint, _ folder: String) -> [String] {
    [
      "--steps", "\(Self.steps)", "--save-every", "\(Self.every)", "--eval-every", "100", "--lora-dropout", "0.1",
      "--schedule", "cosine", "--warmup-steps", "10", "--learning-rate", "0.005", "--output", tiny[folder],
    ]
  }

  /// The step of the last whole line.
  private func lastStep(_ tiny: TinyCheckpoint) -> Int {
    tiny.lines(of: "killed/metrics.jsonl").compactMap { try? jsonObject($0)["step"] as? Int }.last ?? 0
  }

  @Test func `whatever kills a run, resumed it has the losses of one that nothing killed`() throws {
    let tiny = try TinyCheckpoint()
    var resumed: [Int] = []
    for stop in [Self.every + 7, 5 * Self.every, 12 * Self.every + 1] {
      let process = try Program.start(tiny.arguments(flags(tiny, "killed") + ["--resume"]))
      while process.isRunning, lastStep(tiny) < stop { usleep(1000) }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      try #require(process.terminationReason == .uncaughtSignal, "it was over before it could be killed")
      let names = try FileManager.default.contentsOfDirectory(atPath: tiny["killed"])
      let newest = names.compactMap { $0.hasPrefix("checkpoint-") ? Int($0.dropFirst(11)) : nil }.max() ?? 0
      // At most the steps since the last state, which may have been in the making.
      #expect(newest >= lastStep(tiny) - Self.every)
      resumed.append(newest)
    }
    #expect(Set(resumed).count == 3)
    let end = try Program.run(tiny.arguments(flags(tiny, "killed") + ["--resume"]))
    #expect(end.status == 0, "\(end.errors)")
    #expect(end.errors.contains("resuming from \(tiny["killed"])/checkpoint-\(resumed[2]), after step \(resumed[2])"))

    let whole = try Program.run(tiny.arguments(flags(tiny, "whole")))
    #expect(whole.status == 0, "\(whole.errors)")
    let expected = tiny.lines(of: "whole/metrics.jsonl").map(withoutSeconds)
    #expect(expected.count == Self.steps + 1 + Self.steps / 100)
    #expect(tiny.lines(of: "killed/metrics.jsonl").map(withoutSeconds) == expected)
    for name in ["adapter_model.safetensors", "adapter_config.json"] {
      let files = try ["whole", "killed"].map { try Data(contentsOf: URL(fileURLWithPath: tiny[$0 + "/" + name])) }
      #expect(files[0] == files[1], "\(name)")
    }
  }

  @Test func `a line that the kill cut off is taken again`() throws {
    let tiny = try TinyCheckpoint()
    #expect(try tiny.run("--steps", "5", "--save-every", "2", "--output", tiny["out"]).status == 0)
    let whole = tiny.lines(of: "out/metrics.jsonl")
    let text = whole[...4].joined(separator: "\n") + "\n{\"step\": 5, \"lo"
    try Data(text.utf8).write(to: URL(fileURLWithPath: tiny["out/metrics.jsonl"]))
    #expect(try tiny.run("--steps", "5", "--save-every", "2", "--resume", "--output", tiny["out"]).status == 0)
    #expect(tiny.lines(of: "out/metrics.jsonl").map(withoutSeconds) == whole.map(withoutSeconds))
  }

  @Test func `other settings are refused in one line that names them`() throws {
    let tiny = try TinyCheckpoint()
    let common = ["--steps", "4", "--save-every", "2", "--output", tiny["out"]]
    #expect(try Program.run(tiny.arguments(common)).status == 0)
    let before = tiny.lines(of: "out/metrics.jsonl")
    // Other examples, in the number of the first.
    try tiny.write(TinyCheckpoint.lines(25).suffix(24), to: "other.jsonl")
    for (flag, value, saved) in [
      ("--learning-rate", "0.01", "--learning-rate 0.0002"), ("--seed", "1", "--seed 0"),
      ("--rank", "8", "--rank 4"), ("--batch", "2", "--batch 1"),
      ("--eval-fraction", "0.3", "--eval-fraction 0.1"), ("--steps", "9", "--steps 4"),
      ("--max-grad-norm", "0", "--max-grad-norm 1.0"), ("--group", "lora_B=16", "--group none"),
      ("--data", tiny["other.jsonl"], "data fingerprint"),
    ] {
      let outcome = try Program.run(tiny.arguments(common + ["--resume", flag, value]))
      #expect(outcome.status == 65, "\(flag)")
      let complaints = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("plimsoll: ") }
      #expect(complaints.count == 1 && outcome.errors.hasSuffix(complaints.joined() + "\n"), "\(outcome.errors)")
      #expect(complaints.first?.contains("out/checkpoint-2 has " + saved) == true, "\(outcome.errors)")
      #expect(outcome.output.isEmpty)
    }
    // Nothing was lost by trying.
    #expect(tiny.lines(of: "out/metrics.jsonl") == before)
  }

  @Test func `without a state it begins, and says so`() throws {
    let tiny = try TinyCheckpoint()
    let outcome = try tiny.run("--steps", "2", "--resume", "--output", tiny["out"])
    #expect(outcome.status == 0)
    #expect(outcome.errors.contains("no saved state in \(tiny["out"]): starting from the beginning"))
  }

  @Test func `a new run does not train over the states of another`() throws {
    let tiny = try TinyCheckpoint()
    #expect(try tiny.run("--steps", "4", "--save-every", "2", "--output", tiny["out"]).status == 0)
    let before = tiny.lines(of: "out/metrics.jsonl")
    let outcome = try tiny.run("--steps", "4", "--seed", "1", "--output", tiny["out"])
    #expect(outcome.status == 64)
    #expect(outcome.firstError.contains("checkpoint-2 of an earlier run"))
    #expect(tiny.lines(of: "out/metrics.jsonl") == before)
  }

  @Test func `a new run in the folder of one without states has metrics of its own`() throws {
    let tiny = try TinyCheckpoint()
    for _ in 0..<2 { #expect(try tiny.run("--steps", "2", "--output", tiny["out"]).status == 0) }
    let steps = try tiny.lines(of: "out/metrics.jsonl").compactMap { try jsonObject($0)["step"] as? Int }
    #expect(steps == [0, 1, 2, 2])
  }

  @Test(arguments: [
    ("state.json", #""position": 2"#, #""position": 2000"#), ("state.json", #""epoch": 0"#, #""epoch": -4"#),
    ("state.json", #""rows": "#, #""tows": "#), ("state.json", #""step": 2"#, #""step": 4"#), ("state.json", "", ""),
    ("state.safetensors", "", ""),
  ])
  func `a damaged state is bad data`(file: String, old: String, new: String) throws {
    let tiny = try TinyCheckpoint()
    #expect(try tiny.run("--steps", "4", "--save-every", "2", "--output", tiny["out"]).status == 0)
    let path = tiny["out/checkpoint-2/" + file]
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    if old.isEmpty {
      try bytes.prefix(bytes.count * 2 / 3).write(to: URL(fileURLWithPath: path))
    } else {
      let text = String(decoding: bytes, as: UTF8.self)
      try #require(text.contains(old), "\(text)")
      try Data(text.replacingOccurrences(of: old, with: new).utf8).write(to: URL(fileURLWithPath: path))
    }
    let outcome = try tiny.run("--steps", "4", "--save-every", "2", "--output", tiny["out"], "--resume")
    #expect(outcome.status == 65, "\(outcome.errors)")
    #expect(outcome.errors.contains("plimsoll: the saved state \(tiny["out"])/checkpoint-2"), "\(outcome.errors)")
  }

  @Test func `a state that cannot be written ends the run, and the ones before it stay`() throws {
    let tiny = try TinyCheckpoint()
    let flags = ["--steps", "6", "--save-every", "2", "--output", tiny["out"]]
    // A folder within, which no run of ours makes and none removes.
    let blocker = tiny["out/.checkpoint-4.part/mine"]
    try FileManager.default.createDirectory(atPath: blocker, withIntermediateDirectories: true)
    let outcome = try Program.run(tiny.arguments(flags))
    #expect(outcome.status == 69, "\(outcome.errors)")
    #expect(outcome.errors.contains("checkpoint-4.part cannot be written"))
    #expect(FileManager.default.fileExists(atPath: blocker))
    #expect(FileManager.default.fileExists(atPath: tiny["out/checkpoint-2/state.json"]))
    try FileManager.default.removeItem(atPath: blocker)
    #expect(try Program.run(tiny.arguments(flags + ["--resume"])).status == 0)
    #expect(try tiny.run("--steps", "6", "--output", tiny["whole"]).status == 0)
    #expect(
      tiny.lines(of: "out/metrics.jsonl").map(withoutSeconds)
        == tiny.lines(of: "whole/metrics.jsonl").map(withoutSeconds))
  }
}
