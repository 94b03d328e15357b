import Foundation
import Testing

@Suite struct `What is known` {
  @Test(arguments: [["--help"], ["-h"], ["help"], []])
  func `help names every command`(arguments: [String]) throws {
    let outcome = try Program.run(arguments)
    #expect(outcome.status == 0)
    #expect(outcome.errors.isEmpty)
    for command in [
      "fit", "compare", "check", "probe", "validate", "report", "demo", "models", "gpus", "stacks", "machine",
    ] {
      #expect(outcome.output.contains("\n  \(command) "), "\(command)")
    }
  }

  @Test(arguments: ["fit", "compare", "check", "validate", "models", "gpus", "stacks", "machine"])
  func `every command's help has an example and the formats`(command: String) throws {
    let outcome = try Program.run(command, "--help")
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("\n  plimsoll \(command)"))
    #expect(outcome.output.contains("--format <format>"))
  }

  @Test func `help of fit names every flag of the contract`() throws {
    let help = try Program.run("fit", "--help").output
    for flag in [
      "vram", "gpu", "method", "rank", "alpha", "lora-dropout", "targets", "quant", "double-quant", "dtype",
      "precision", "optimizer", "batch", "seq", "grad-accum", "checkpointing", "attention", "loss", "stack", "gpus",
      "sharding", "offload",
    ] {
      #expect(help.contains("  --\(flag)"), "\(flag)")
    }
  }

  @Test func `the version is a version`() throws {
    let outcome = try Program.run("--version")
    #expect(outcome.status == 0)
    #expect(outcome.output.split(separator: ".").count == 3)
  }

  @Test(arguments: ["models", "gpus", "stacks"])
  func `the same rows come in every format`(command: String) throws {
    let objects = try Program.run(command, "--format", "json").objects()
    try #require(!objects.isEmpty)
    let names = objects.compactMap { $0["name"] as? String }
    #expect(names.count == objects.count)
    let csv = try Program.run(command, "--format", "csv").output
    #expect(csv.hasPrefix("name,"))
    let text = try Program.run(command).output
    let markdown = try Program.run(command, "--format", "markdown").output
    for name in names {
      #expect(csv.contains("\n\(name),"), "\(name)")
      #expect(text.contains("\(name) "), "\(name)")
      #expect(markdown.contains("| \(name) |"), "\(name)")
    }
    for line in text.split(separator: "\n") { #expect(line.count <= 100, "\(line)") }
  }

  @Test func `a stack is described with its sources`() throws {
    let object = try Program.run("stacks", "--about", "unsloth", "--format", "json").object()
    #expect(object["name"] as? String == "unsloth")
    #expect((object["notes"] as? [String] ?? []).contains { $0.contains("fast_lora.py") })
    #expect((object["choices"] as? [String: Any])?["checkpoints"] as? String == "host")
    #expect(try Program.run("stacks", "--about", "unsloth").output.contains("fast_lora.py"))
  }

  @Test func `a stack that cannot run a recipe says why`() throws {
    let rows = try Program.run("stacks", "qwen2.5-0.5b", "--method", "full", "--format", "json").objects()
    let unsloth = try #require(rows.first { $0["name"] as? String == "unsloth" })
    #expect((unsloth["refusal"] as? String ?? "").contains("full fine-tuning"))
    #expect(unsloth["allocated_bytes"] is NSNull)
    #expect(rows.filter { $0["allocated_bytes"] is Int }.count == rows.count - 1)
  }

  @Test func `this machine has a core and some memory`() throws {
    let object = try Program.run("machine", "--format", "json").object()
    let processor = try #require(object["processor"] as? [String: Any])
    #expect((processor["worker_threads"] as? Int ?? 0) >= 1)
    let memory = try #require(object["memory"] as? [String: Any])
    let installed = try #require(memory["installed_bytes"] as? Int)
    let usable = try #require(memory["usable_bytes"] as? Int)
    #expect(usable > 0)
    #expect(usable <= installed)
  }

  @Test(arguments: ["text", "csv", "markdown"])
  func `the machine comes in every format`(format: String) throws {
    let outcome = try Program.run("machine", "--format", format)
    #expect(outcome.status == 0)
    #expect(!outcome.output.isEmpty)
  }
}
