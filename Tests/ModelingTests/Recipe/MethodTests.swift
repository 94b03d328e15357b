import Bookkeeping
import Modeling
import Testing

@Suite struct `A recipe's method` {
  static func method(
    _ name: Method.Name, model: String = "llama-3.2-1b", _ change: (inout RecipeRequest) -> Void = { _ in }
  ) throws -> Method {
    var request = RecipeRequest()
    request.stack = .transformers
    request.method = name
    request.usesGradientCheckpointing = false
    request.sequence = 128
    change(&request)
    return try request.resolved(for: try #require(Presets.named(model)).spec).recipe.method
  }

  @Test(arguments: Method.Name.allCases)
  func `is called what was asked for`(name: Method.Name) throws {
    let model = name == .bitfit ? "qwen2.5-0.5b" : "llama-3.2-1b"
    #expect(try Self.method(name, model: model).name == name)
  }

  @Test func `keeps a quantized base under DoRA, IA3 and virtual tokens`() throws {
    for name in [Method.Name.dora, .ia3, .prompt, .oft, .vera, .adalora, .lnTuning] {
      let method = try Self.method(name) { $0.quantization = .some(.nf4(double: true)) }
      #expect(method.quantization == .nf4(double: true))
      #expect(method.name == name)
    }
    for name in [Method.Name.full, .freeze, .head, .loha, .lokr] {
      #expect(throws: RecipeError.self) { try Self.method(name) { $0.quantization = .some(.nf4(double: true)) } }
    }
  }

  @Test func `reads PEFT's use_dora and use_rslora as settings of LoRA`() throws {
    let method = try Self.method(.lora) {
      $0.decomposesWeights = true
      $0.stabilizesRank = true
      ($0.rank, $0.alpha) = (64, 16)
    }
    #expect(method.name == .dora)
    #expect(method.adapter?.scale == 2)
  }

  @Test func `refuses settings that it has no use for`() {
    let strays: [(Method.Name, (inout RecipeRequest) -> Void)] = [
      (.freeze, { $0.rank = 8 }), (.lora, { $0.virtualTokens = 8 }), (.prompt, { $0.targets = .attention }),
      (.ia3, { $0.modulesToSave = ["lm_head"] }), (.head, { $0.trainedLayers = 2 }), (.lokr, { $0.blockSize = 4 }),
    ]
    for (name, change) in strays {
      #expect(throws: RecipeError.self) { try Self.method(name, change) }
    }
  }

  @Test func `names modules that are there`() {
    let wrong: [(Method.Name, (inout RecipeRequest) -> Void)] = [
      (.lora, { $0.modulesToSave = ["wte"] }), (.freeze, { $0.trainedModules = ["c_attn"] }),
      (.freeze, { $0.extraModules = ["pooler"] }), (.bitfit, { _ in }), (.boft, { $0.blockSize = 7 }),
      (.prefix, { $0.usesGradientCheckpointing = true }), (.prompt, { $0.virtualTokens = 0 }),
    ]
    for (name, change) in wrong {
      #expect(throws: RecipeError.self) { try Self.method(name, change) }
    }
  }

  @Test func `trains what freeze tuning names`() throws {
    let spec = try #require(Presets.named("llama-3.2-1b")).spec
    let last = try Self.method(.freeze) { ($0.trainedLayers, $0.trainedModules) = (1, ["mlp"]) }
    let names = spec.parameters.filter { last.trains($0, of: spec) }.map(\.name)
    #expect(names == ["gate_proj", "up_proj", "down_proj"].map { "model.layers.15.mlp.\($0).weight" })
    let first = try Self.method(.freeze) { ($0.trainedLayers, $0.extraModules) = (-1, ["norm"]) }
    #expect(Set(spec.parameters.filter { first.trains($0, of: spec) }.map(\.layer)) == [0, nil])
  }

  @Test func `trains a tied head's one table`() throws {
    let spec = try #require(Presets.named("llama-3.2-1b")).spec
    let head = try Self.method(.head)
    #expect(spec.parameters.filter { head.trains($0, of: spec) }.map(\.name) == ["model.embed_tokens.weight"])
  }

  @Test func `is refused by the engine unless it runs it`() throws {
    let spec = try #require(Presets.named("smollm2-135m")).spec
    for name in Method.Name.allCases where name != .bitfit {
      var request = RecipeRequest()
      request.stack = .plimsoll
      request.method = name
      request.sequence = 128
      let recipe = try request.resolved(for: spec).recipe
      #expect((spec.engineRefusal(for: recipe) == nil) == [.full, .lora, .qlora].contains(name))
    }
  }

  /// Counted with PEFT 0.21.2 on Llama-2-7B's shapes by adding up the shapes that its layers make.
  @Test func `OFT and LoKr take the nearest factors`() throws {
    let down = LinearModule(name: "down_proj", role: .down, layer: 0, input: 11008, output: 4096, hasBias: false)
    #expect(try OFT(blockSize: 32, targets: .allLinear).blockSize(of: down) == 32)
    // 11008 = 2⁸ · 43: of 40's neighbours 32 and 43, three away is nearer than eight.
    #expect(try OFT(blockSize: 40, targets: .allLinear).blockSize(of: down) == 43)
    let shapes = try LoKr(rank: 8, targets: .allLinear).factorShapes(of: down)
    #expect(shapes.small == [64, 86])
    #expect(shapes.large == [64, 128])
  }
}
