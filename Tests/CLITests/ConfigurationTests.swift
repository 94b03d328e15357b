import Foundation
import Testing

@Suite struct `plimsoll --config` {
  private static let axolotl = """
    base_model: meta-llama/Llama-2-7b-hf
    adapter: qlora
    load_in_4bit: true
    lora_r: 32
    lora_alpha: 16
    lora_target_linear: true
    sequence_len: 512
    gradient_checkpointing: true
    datasets: [{path: some/data}]
    """

  private func with<Result>(_ name: String, _ text: String, _ body: (String) throws -> Result) throws -> Result {
    try Scratch.with(name, Data(text.utf8), body)
  }

  @Test func `plans the model and the recipe of a file, and says what became of its fields`() throws {
    try with("run.yml", Self.axolotl) { path in
      let outcome = try Program.run("fit", "--config", path, "--vram", "24GB", "--format", "json")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let object = try outcome.object()
      #expect((object["model"] as? [String: Any])?["name"] as? String == "llama-2-7b")
      let recipe = try #require(object["recipe"] as? [String: Any])
      #expect(recipe["stack"] as? String == "axolotl")
      #expect(recipe["rank"] as? Int == 32)
      let assumptions = try #require(object["assumptions"] as? [String])
      #expect(assumptions.contains("config run.yml: lora_r is 32"))
      #expect(assumptions.contains("config ignores, about data and tokens: datasets"))
    }
  }

  @Test func `flags and a model win over the file`() throws {
    try with("run.yml", Self.axolotl) { path in
      let object = try Program.run(
        "fit", "smollm2-135m", "--config", path, "--rank", "4", "--vram", "24GB", "--format", "json"
      ).object()
      #expect((object["model"] as? [String: Any])?["name"] as? String == "smollm2-135m")
      #expect((object["recipe"] as? [String: Any])?["rank"] as? Int == 4)
    }
  }

  @Test func `--emit prints a configuration that reads back as the same plan`() throws {
    try with("run.yml", Self.axolotl) { path in
      let emitted = try Program.run("fit", "--config", path, "--emit", "axolotl")
      #expect(emitted.status == 0, "\(emitted.errors)")
      try with("again.yml", emitted.output) { again in
        let budget = ["--vram", "24GB", "--format", "json"]
        let first = try Program.run(["fit", "--config", path] + budget).object()
        let second = try Program.run(["fit", "--config", again] + budget).object()
        #expect(first["accounts"] as? [String: Int] == second["accounts"] as? [String: Int])
      }
    }
  }

  struct Mistake: Sendable {
    let arguments: [String]
    let code: Int32
  }

  @Test(arguments: [
    Mistake(arguments: ["fit", "--vram", "8GB"], code: 64),
    Mistake(arguments: ["fit", "--config", "/nowhere.yml", "--vram", "8GB"], code: 66),
    Mistake(arguments: ["fit", "7b", "--method", "full", "--emit", "peft"], code: 64),
    Mistake(arguments: ["fit", "7b", "--emit", "word-perfect"], code: 64),
  ])
  func `mistakes of the command line have their codes`(mistake: Mistake) throws {
    let outcome = try Program.run(mistake.arguments)
    #expect(outcome.status == mistake.code, "\(outcome.errors)")
    #expect(outcome.output.isEmpty && !outcome.errors.isEmpty)
  }

  @Test(arguments: ["base_model: [", "base_model: x\nlora_r: -1\nadapter: lora", "what: ever", "\u{0}"])
  func `a bad file ends with 65 and its name`(text: String) throws {
    try with("bad.yml", text) { path in
      let outcome = try Program.run("fit", "--config", path, "--vram", "8GB")
      #expect(outcome.status == 65, "\(outcome.errors)")
      #expect(outcome.firstError.contains("bad.yml"))
    }
  }

  @Test func `a model that only the file knows is asked for`() throws {
    try with("run.yml", Self.axolotl.replacingOccurrences(of: "meta-llama/Llama-2-7b-hf", with: "me/mine")) { path in
      let outcome = try Program.run("fit", "--config", path, "--vram", "8GB")
      #expect(outcome.status == 64)
      #expect(outcome.firstError.contains("me/mine"))
    }
  }
}
