import Bookkeeping
import Modeling
import Planning
import Testing

@Suite struct `The explained peak` {
  @Test func `writes shapes in letters that have their numbers`() throws {
    let spec = try #require(Presets.named("llama-2-7b")).spec
    var request = RecipeRequest()
    request.method = .lora
    request.sequence = 1024
    request.usesGradientCheckpointing = false
    request.weightFormat = .bf16
    let explanation = PeakExplanation(of: try Planner.plan(spec, request.resolved(for: spec)))
    let gate = try #require(explanation.lines.first { $0.name == "layers.*.activation" })
    #expect(gate.shape == "[b=1, s=1024, I=11008]")
    #expect(gate.count == 32)
    #expect(gate.layers == Array(0..<32))
    let query = try #require(explanation.lines.first { $0.name == "model.layers.*.self_attn.q_proj.lora_A.weight" })
    #expect(query.shape == "[r=16, H=4096]")
    let letters = Dictionary(uniqueKeysWithValues: explanation.legend.map { ($0.letter, $0.value) })
    #expect(letters["I"] == 11008 && letters["s"] == 1024 && letters["r"] == 16)
    // Largest first.
    #expect(explanation.lines.map(\.total) == explanation.lines.map(\.total).sorted(by: >))
  }

  /// Where two letters have one value, the rule that opened the tensor says which it is.
  @Test func `does not mix up widths that are equal`() throws {
    let spec = try #require(Presets.named("llama-2-7b")).spec
    let recipe = try RecipeRequest().resolved(for: spec).recipe
    var journal = Journal(clock: Clock(labels: ["load"]))
    for name in ["layers.0.context", "layers.0.middle"] {
      _ = journal.open(name, .activations, [1, 1024, 4096], .bf16)
    }
    let explanation = PeakExplanation(journal.entries, moment: "load", spec: spec, recipe: recipe)
    #expect(Set(explanation.lines.map(\.shape)) == ["[b=1, s=1024, q=4096]", "[b=1, s=1024, H=4096]"])
  }

  @Test func `says so where nothing explains a name`() throws {
    let spec = try Models.tiny()
    let recipe = try Models.recipe(spec, .full).recipe
    var journal = Journal(clock: Clock(labels: ["load"]))
    _ = journal.open("layers.0.riddle", .activations, [3, 5], .fp32)
    let line = try #require(
      PeakExplanation(journal.entries, moment: "load", spec: spec, recipe: recipe).lines.first)
    #expect(!line.isExplained)
    #expect(line.shape == "[3, 5]")
  }
}
