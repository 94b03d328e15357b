import Bookkeeping
import Modeling
import Testing

@Suite struct `Making a recipe` {
  static func resolve(
    _ changes: [String: JSONValue] = [:], _ fill: (inout RecipeRequest) -> Void = { _ in }
  ) throws -> ResolvedRecipe {
    var request = RecipeRequest()
    fill(&request)
    return try request.resolved(for: TinyModels.llama(changes))
  }

  static func error(_ fill: (inout RecipeRequest) -> Void) throws -> RecipeError? {
    do {
      _ = try resolve([:], fill)
      return nil
    } catch let error as RecipeError {
      return error
    }
  }

  // MARK: Defaults

  @Test func `every default is listed`() throws {
    let resolved = try Self.resolve()
    let topics = resolved.assumptions.map { String($0.prefix { $0 != ":" }) }
    #expect(
      topics.sorted() == [
        "adapter dtype", "alpha", "attention", "batch", "dtype", "grad-accum", "gradient checkpointing",
        "learning rate",
        "lora-dropout", "loss", "method", "optimizer", "precision", "rank", "seq", "stack", "targets", "weight decay",
      ])
    #expect(resolved.recipe.batch.sequence == 256, "a model of 256 positions gets no longer sequence")
  }

  @Test func `what is said is not assumed`() throws {
    let resolved = try Self.resolve([:]) { request in
      request.method = .qlora
      request.rank = 8
      request.alpha = 8
      request.loraDropout = 0.1
      request.targets = .attention
      request.quantization = .nf4(double: false)
      request.weightFormat = .bf16
      request.adapterFormat = .fp32
      request.precision = .autocast
      request.optimizer = .pagedAdamw8bit
      request.learningRate = 1e-4
      request.weightDecay = 0.01
      request.microBatch = 2
      request.sequence = 64
      request.accumulation = 4
      request.usesGradientCheckpointing = true
      request.attention = .flash
      request.loss = .full
      request.stack = .trl
    }
    #expect(resolved.assumptions == [])
    #expect(resolved.recipe.batch.tokensPerStep == 2 * 64 * 4)
    #expect(resolved.recipe.method.quantization == .nf4(double: false))
    #expect(resolved.recipe.method.adapter?.scale == 1)
  }

  @Test(arguments: Stack.allCases, [Method.Name.full, .lora, .qlora])
  func `every stack has a default for every method`(stack: Stack, method: Method.Name) throws {
    let resolved = try Self.resolve([:]) { request in
      request.stack = stack
      request.method = method
    }
    #expect(resolved.recipe.method.name == method && resolved.recipe.stack == stack)
    #expect((resolved.recipe.method.adapter == nil) == (method == .full))
    #expect(resolved.assumptions.contains { $0.hasPrefix("adapter dtype:") } == (method != .full))
  }

  @Test func `a quantization alone means qlora`() throws {
    let resolved = try Self.resolve([:]) { $0.quantization = .fp4(double: true) }
    #expect(resolved.recipe.method.name == .qlora)
    #expect(try Self.resolve([:]) { $0.quantization = .some(.none) }.recipe.method.name == .lora)
  }

  // MARK: Refusals

  static let outOfRange: [(String, @Sendable (inout RecipeRequest) -> Void)] = [
    ("rank", { $0.rank = 0 }), ("rank", { $0.rank = 65537 }), ("alpha", { $0.alpha = 0 }),
    ("alpha", { $0.alpha = .nan }), ("alpha", { $0.alpha = .infinity }), ("lora-dropout", { $0.loraDropout = 1 }),
    ("lora-dropout", { $0.loraDropout = .nan }), ("lora-dropout", { $0.loraDropout = -0.1 }),
    ("dtype", { $0.weightFormat = .int8 }), ("dtype", { $0.adapterFormat = .nf4 }), ("batch", { $0.microBatch = 0 }),
    ("batch", { $0.microBatch = .max }), ("seq", { $0.sequence = 0 }), ("seq", { $0.sequence = .max }),
    ("seq", { $0.sequence = .min }), ("grad-accum", { $0.accumulation = 0 }),
    ("grad-accum", { $0.accumulation = .max }), ("targets", { $0.targets = .modules([]) }),
    ("learning-rate", { $0.learningRate = -1 }), ("learning-rate", { $0.learningRate = .nan }),
    ("weight-decay", { $0.weightDecay = .infinity }),
    (
      "batch × seq",
      {
        $0.microBatch = 1 << 20
        $0.sequence = 128
      }
    ),
  ]

  @Test(arguments: outOfRange.indices)
  func `a setting out of range is named`(index: Int) throws {
    let (setting, fill) = Self.outOfRange[index]
    guard case .outOfRange(setting, _, _) = try Self.error(fill) else {
      Issue.record("\(setting) was not refused")
      return
    }
  }

  @Test func `settings that exclude each other are a conflict`() throws {
    let conflicts: [(String, (inout RecipeRequest) -> Void)] = [
      ("quant", { ($0.method, $0.quantization) = (.lora, .nf4(double: true)) }),
      ("quant", { ($0.method, $0.quantization) = (.full, .int8) }),
      ("quant", { ($0.method, $0.quantization) = (.qlora, .some(.none)) }),
      ("rank", { ($0.method, $0.rank) = (.full, 8) }), ("alpha", { ($0.method, $0.alpha) = (.full, 8) }),
      ("lora-dropout", { ($0.method, $0.loraDropout) = (.full, 0.1) }),
      ("targets", { ($0.method, $0.targets) = (.full, .allLinear) }),
    ]
    for (setting, fill) in conflicts {
      guard case .conflict(setting, _, let reason) = try Self.error(fill) else {
        Issue.record("\(setting) was not refused")
        continue
      }
      #expect(!reason.isEmpty)
    }
  }

  @Test func `a sequence beyond the positions is refused`() throws {
    #expect(
      try Self.error { $0.sequence = 257 } == .sequenceBeyondPositions(sequence: 257, positions: 256, model: "tiny"))
    #expect(try Self.error { $0.sequence = 256 } == nil)
  }

  @Test func `a target that the model lacks is refused, with those that it has`() throws {
    let known = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    let error = try Self.error { $0.targets = .modules(["q_proj", "c_attn"]) }
    #expect(error == .noSuchTarget("c_attn", model: "tiny", known: known))
  }

  @Test func `work beyond counting is refused`() throws {
    let huge = try #require(Presets.named("llama-3.1-405b")).spec
    var request = RecipeRequest()
    (request.microBatch, request.sequence, request.accumulation) = (512, 131072, 65536)
    let error = #expect(throws: RecipeError.self) { try request.resolved(for: huge) }
    #expect(error == .tooLarge(tokens: 512 * 131072 * 65536, parameters: huge.parameterCount))
  }

  @Test func `optimizers refuse settings that are no numbers`() {
    #expect(throws: RecipeError.self) { try Optimizer(kind: .adamw, learningRate: 1, beta1: 1) }
    #expect(throws: RecipeError.self) { try Optimizer(kind: .adamw, learningRate: 1, beta2: .nan) }
    #expect(throws: RecipeError.self) { try Optimizer(kind: .adamw, learningRate: 1, epsilon: 0) }
    #expect(throws: RecipeError.self) { try Optimizer(kind: .sgdMomentum, learningRate: 1, momentum: -1) }
  }

  @Test func `every refusal reads as advice`() {
    let errors: [RecipeError] = [
      .outOfRange("rank", "0", "between 1 and 65536"), .unknown("stack", "x", known: ["trl"]),
      .conflict("quant", "nf4", reason: "no"), .sequenceBeyondPositions(sequence: 9, positions: 8, model: "m"),
      .noSuchTarget("a", model: "m", known: ["b"]), .tooLarge(tokens: 1, parameters: 2),
    ]
    for error in errors.dropLast() { #expect(error.description.hasPrefix("--"), "\(error)") }
    #expect(errors.last?.description.contains("--batch") == true)
  }
}

@Suite struct `Targets of adapters` {
  static func matches(_ names: [String]) throws -> [String] {
    let spec = try TinyModels.llama()
    return (0..<spec.layerCount).flatMap(spec.linearModules).filter { LoRA.Targets.modules(names).match($0) }.map(
      \.name)
  }

  /// PEFT `tuners/tuners_utils.py`, `check_target_module_exists`: the whole key, or its end after a dot.
  @Test func `a name matches whole components at the end`() throws {
    #expect(try Self.matches(["q_proj"]).count == 3)
    #expect(try Self.matches(["self_attn.q_proj"]).count == 3)
    #expect(try Self.matches(["proj"]) == [])
    #expect(try Self.matches(["_proj"]) == [])
    #expect(try Self.matches(["self_attn"]) == [])
    #expect(try Self.matches(["1.self_attn.q_proj"]) == ["model.layers.1.self_attn.q_proj"])
    #expect(try Self.matches(["model.layers.2.mlp.up_proj"]) == ["model.layers.2.mlp.up_proj"])
  }

  @Test func `a target in one layer only is a target`() throws {
    let resolved = try `Making a recipe`.resolve([:]) { $0.targets = .modules(["layers.2.self_attn.q_proj"]) }
    #expect(resolved.recipe.method.adapter?.targets == .modules(["layers.2.self_attn.q_proj"]))
    #expect(throws: RecipeError.self) {
      try `Making a recipe`.resolve([:]) { $0.targets = .modules(["layers.3.self_attn.q_proj"]) }
    }
  }

  @Test(arguments: Families.recorded.families)
  func `attention's modules are found in every family`(family: Families.Family) throws {
    let spec = try ConfigJSON(family.config.value, file: family.name).spec
    let found = spec.linearModules(0).filter { LoRA.Targets.attention.match($0) }
    #expect(found.count == (spec.attention.fusesProjections ? 2 : 4))
    #expect(spec.linearModules(0).allSatisfy { LoRA.Targets.allLinear.match($0) })
  }
}
