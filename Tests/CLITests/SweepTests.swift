import Foundation
import Testing

/// A CSV as rows by column, of fields without line ends.
func csvRows(_ text: String) -> [[String: String]] {
  func fields(_ line: Substring) -> [String] {
    var fields = [""]
    var isQuoted = false
    for character in line {
      switch character {
      case "\"": isQuoted.toggle()
      case "," where !isQuoted: fields.append("")
      default: fields[fields.count - 1].append(character)
      }
    }
    return fields
  }
  let lines = text.split(separator: "\n", omittingEmptySubsequences: true)
  guard let header = lines.first.map(fields) else { return [] }
  return lines.dropFirst().map { Dictionary(zip(header, fields($0)), uniquingKeysWith: { first, _ in first }) }
}

@Suite struct `plimsoll sweep` {
  @Test(arguments: [
    ["smollm2-135m", "--method", "qlora", "--seq", "256", "--rank", "8"],
    ["smollm2-135m", "--method", "full", "--seq", "512", "--checkpointing"],
    ["llama-2-7b", "--method", "qlora", "--seq", "1024", "--grad-accum", "4"],
    ["llama-2-7b", "--method", "lora", "--seq", "2048", "--optimizer", "paged-adamw-8bit", "--stack", "transformers"],
    ["mistral-7b-v0.1", "--method", "dora", "--batch", "2", "--stack", "unsloth"],
    ["smollm2-135m", "--method", "lora", "--stack", "plimsoll", "--threads", "2"],
  ])
  func `says of a point what fit says of it`(flags: [String]) throws {
    // An axis of one value: the point itself.
    let sweep = try Program.run(["sweep"] + flags + ["--over", "vram=24GB", "--intervals", "--format", "csv"])
    #expect(sweep.status == 0, "\(sweep.errors)")
    let row = try #require(csvRows(sweep.output).first)
    let fit = try Program.run(["fit"] + flags + ["--vram", "24GB", "--format", "json"]).object()
    for name in ["allocated", "reserved", "device"] {
      let interval = try #require(fit["\(name)_bytes"] as? [String: Int])
      #expect(row["\(name)_low_bytes"] == interval["low"].map(String.init))
      #expect(row["\(name)_bytes"] == interval["expected"].map(String.init))
      #expect(row["\(name)_high_bytes"] == interval["high"].map(String.init))
    }
    let accounts = try #require(fit["accounts"] as? [String: Int])
    for (account, column) in [
      ("weights", "weights_bytes"), ("optimizerState", "optimizer_state_bytes"), ("activations", "activations_bytes"),
      ("checkpoints", "checkpoints_bytes"), ("logits", "logits_bytes"), ("workspace", "workspace_bytes"),
      ("quantizationConstants", "quantization_constants_bytes"), ("runtime", "runtime_bytes"), ("batch", "batch_bytes"),
      ("adapters", "adapters_bytes"), ("gradients", "gradients_bytes"),
    ] {
      #expect(row[column] == accounts[account].map(String.init), "\(account)")
    }
    let flops = try #require(fit["flops"] as? [String: Int])
    for (phase, column) in [
      ("forward", "forward_flops"), ("backward", "backward_flops"), ("recompute", "recompute_flops"),
      ("optimizer", "optimizer_flops"), ("total", "flops"),
    ] {
      #expect(row[column] == flops[phase].map(String.init), "\(phase)")
    }
    #expect(row["trainable_parameters"] == (fit["parameters"] as? [String: Int])?["trainable"].map(String.init))
    #expect(row["peak_moment"] == (fit["peak"] as? [String: Any])?["moment"] as? String)
    #expect(row["fits"] == fit["fits"] as? String)
    #expect(row["headroom_bytes"] == (fit["headroom_bytes"] as? Int).map(String.init))
  }

  @Test func `has a row a combination, in the grid's order`() throws {
    let sweep = try Program.run(
      "sweep", "smollm2-135m", "--seq", "64", "--over", "method=full,lora,qlora", "--over", "rank=4,8", "--over",
      "checkpointing=on,off", "--format", "csv")
    #expect(sweep.status == 0, "\(sweep.errors)")
    let rows = csvRows(sweep.output)
    // Full has no rank: four points of it are two rows.
    #expect(
      rows.map { "\($0["method"] ?? "") \($0["rank"] ?? "") \($0["checkpointing"] ?? "")" } == [
        "full  on", "full  off", "lora 4 on", "lora 4 off", "lora 8 on", "lora 8 off", "qlora 4 on", "qlora 4 off",
        "qlora 8 on", "qlora 8 off",
      ])
    #expect(rows.map { $0["point"] ?? "" } == ["1", "2", "5", "6", "7", "8", "9", "10", "11", "12"])
    #expect(rows.allSatisfy { $0["status"] == "planned" })
    let text = try Program.run(
      "sweep", "smollm2-135m", "--seq", "64", "--over", "method=full,lora", "--over", "rank=4,8")
    #expect(text.output.contains("--rank is left out where the method has no use for it"))
    #expect(text.output.contains("1 points differ from others only in what has no use there"))
  }

  @Test func `a combination that cannot be is a row with the reason`() throws {
    let sweep = try Program.run(
      "sweep", "smollm2-135m", "--over", "method=lora,qlora", "--over", "quant=none,nf4", "--over", "seq=64,100000",
      "--format", "csv")
    #expect(sweep.status == 0, "\(sweep.errors)")
    let rows = csvRows(sweep.output)
    #expect(rows.count == 8)
    let refused = rows.filter { $0["status"] == "refused" }
    #expect(refused.count == 6)
    #expect(refused.allSatisfy { !($0["reason"] ?? "").isEmpty && $0["device_bytes"] == "" })
    #expect(refused.contains { $0["reason"]?.contains("qlora needs a quantized base") == true })
    #expect(refused.contains { $0["reason"]?.contains("has positions for") == true })
  }

  @Test func `reads the same from a file, and flags win`() throws {
    let text = """
      model: smollm2-135m
      settings: {seq: 64, checkpointing: no}
      over:
        method: [lora, qlora]
        rank: 4..8*2
      """
    try Scratch.with("sweep.yaml", Data(text.utf8)) { path in
      let flags = ["--seq", "128", "--format", "csv"]
      let file = try Program.run(["sweep", "--file", path] + flags)
      let words = try Program.run(
        ["sweep", "smollm2-135m", "--no-checkpointing", "--over", "method=lora,qlora", "--over", "rank=4,8"] + flags)
      #expect(file.status == 0, "\(file.errors)")
      #expect(file.output == words.output)
      let out = path + ".md"
      let written = try Program.run("sweep", "--file", path, "--format", "markdown", "--output", out)
      #expect(written.output.isEmpty)
      #expect(try String(contentsOfFile: out, encoding: .utf8).contains("| method | rank |"))
    }
  }

  @Test(arguments: [
    (["smollm2-135m"], Int32(64), "needs something to vary"),
    (["--over", "rank=4"], 64, "no model is named"),
    (["nonesuch", "--over", "rank=4"], 64, "nonesuch"),
    (["./none.json", "--over", "rank=4"], 66, "none.json"),
    (["smollm2-135m", "--over", "model=nonesuch"], 64, "nonesuch"),
    (["smollm2-135m", "--over", "rnak=4"], 64, "--rnak"),
    (["smollm2-135m", "--over", "rank=four"], 64, "four"),
    (["smollm2-135m", "--seq", "many", "--over", "rank=4"], 64, "many"),
    (["smollm2-135m", "--over", "rank=4", "--shard", "3/2"], 64, "3/2"),
    (["smollm2-135m", "--over", "rank=4", "--jobs", "0"], 64, "--jobs"),
    (["--file", "/nonesuch/sweep.yaml"], 66, "sweep.yaml"),
    (["merge", "/tmp/out.sqlite"], 64, "sweep merge needs"),
    (["merge", "/tmp/out.sqlite", "/nonesuch/a.sqlite"], 66, "a.sqlite"),
    (["smollm2-135m", "--over", "rank=4", "--archive", "/nonesuch/folder/a.sqlite"], 69, "a.sqlite"),
  ])
  func `says what is wrong, with the right code`(flags: [String], code: Int32, part: String) throws {
    let outcome = try Program.run(["sweep"] + flags)
    #expect(outcome.status == code, "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.firstError.hasPrefix("plimsoll: ") && outcome.errors.contains(part), "\(outcome.errors)")
  }

  @Test func `its help shows how axes are written`() throws {
    let help = try Program.run("sweep", "--help")
    #expect(help.status == 0)
    for part in ["--over rank=1..512*2", "--shard", "sweep merge", "--archive"] { #expect(help.output.contains(part)) }
  }
}

@Suite(.serialized) struct `The archive of plimsoll sweep` {
  private static let flags = [
    "sweep", "smollm2-135m", "--seq", "64", "--over", "method=full,lora,qlora", "--over", "rank=1..40", "--over",
    "batch=1,2", "--format", "csv",
  ]

  @Test func `survives being killed at any moment, and ends as if nothing had happened`() throws {
    try withFolder { folder in
      let whole = try Program.run(Self.flags)
      #expect(whole.status == 0, "\(whole.errors)")
      let archive = folder + "/a.sqlite"
      var generator = SystemRandomNumberGenerator()
      var kills = 0
      for round in 1...6 {
        let before = size(archive + "-wal") + size(archive)
        let process = try Program.start(Self.flags + ["--archive", archive, "--jobs", "2"])
        // Something new is stored; then any moment will do, later ones too, for a busy machine stores little in a tenth
        // of a second.
        while process.isRunning, size(archive + "-wal") + size(archive) <= before { usleep(500) }
        usleep(UInt32.random(in: 0..<UInt32(round * 200_000), using: &generator))
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        if process.terminationReason == .uncaughtSignal { kills += 1 }
      }
      #expect(kills > 0, "it was over before it could be killed")
      let resumed = try Program.run(Self.flags + ["--archive", archive])
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(resumed.output == whole.output)
      #expect(resumed.errors.contains("points are in the archive"), "\(resumed.errors)")
      // Everything is there now: nothing is computed.
      let again = try Program.run(Self.flags + ["--archive", archive])
      #expect(again.output == whole.output)
      #expect(again.errors.contains("162 of 162 points are in the archive"), "\(again.errors)")
    }
  }

  @Test(arguments: [2, 3])
  func `shards that are merged are the whole, in every format`(count: Int) throws {
    try withFolder { folder in
      let flags = [
        "sweep", "smollm2-135m", "--rank", "8", "--over", "method=full,lora,qlora", "--over", "seq=64,128,100000",
        "--over", "alpha=8,16", "--vram", "8GB",
      ]
      let parts = (1...count).map { "\(folder)/\($0).sqlite" }
      for (number, part) in parts.enumerated() {
        let shard = try Program.run(flags + ["--shard", "\(number + 1)/\(count)", "--archive", part])
        #expect(shard.status == 0, "\(shard.errors)")
      }
      for format in ["csv", "json", "markdown", "text"] {
        let merged = try Program.run(["sweep", "merge", folder + "/whole.sqlite"] + parts + ["--format", format])
        #expect(merged.status == 0, "\(merged.errors)")
        let whole = try Program.run(flags + ["--format", format])
        #expect(merged.output == whole.output, "\(format)")
      }
      let incomplete = try Program.run(["sweep", "merge", folder + "/part.sqlite", parts[0]])
      #expect(incomplete.status == 1)
      #expect(incomplete.errors.contains("points of the grid have no result"))
      // A whole one can be gone on with.
      let again = try Program.run(flags + ["--archive", folder + "/whole.sqlite"])
      #expect(again.status == 0, "\(again.errors)")
    }
  }

  @Test func `takes an axis that has grown, and computes what is missing`() throws {
    try withFolder { folder in
      let archive = folder + "/a.sqlite"
      func sweep(_ values: String, _ flags: String...) throws -> Program.Outcome {
        try Program.run(["sweep", "smollm2-135m", "--over", "seq=" + values, "--format", "csv"] + flags)
      }
      #expect(try sweep("64,128", "--archive", archive).status == 0)
      let grown = try sweep("64,96,128", "--archive", archive)
      #expect(grown.errors.contains("2 of 3 points are in the archive"), "\(grown.errors)")
      #expect(try grown.output == sweep("64,96,128").output)
      let other = try sweep("64", "--archive", archive, "--rank", "8")
      #expect(other.status == 65)
      #expect(other.errors.contains("holds another sweep: its settings is empty, not \"--rank=8\""), "\(other.errors)")
      #expect(try sweep("64,96,128", "--archive", archive).output == grown.output)
    }
  }

  @Test func `that is none is refused, and left as it is`() throws {
    try withFolder { folder in
      let path = folder + "/a.sqlite"
      let bytes = Data(String(repeating: "not yours\n", count: 200).utf8)
      try bytes.write(to: URL(fileURLWithPath: path))
      let outcome = try Program.run("sweep", "smollm2-135m", "--over", "seq=64", "--archive", path)
      #expect(outcome.status == 65)
      #expect(outcome.firstError.contains("is no archive of a sweep, and is left as it is"))
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
    }
  }

  private func size(_ path: String) -> Int {
    (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
  }

  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/plimsoll-sweep-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }
}
