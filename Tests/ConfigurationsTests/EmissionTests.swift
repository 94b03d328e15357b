import Bookkeeping
import Configurations
import Modeling
import Testing

/// Recipes drawn from what a dialect has words for.
struct Draw {
  private var state: UInt64

  init(seed: Int) { state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 &+ 1 }

  mutating func pick<Value>(_ values: [Value]) -> Value {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return values[Int(state >> 33) % values.count]
  }

  private mutating func adapter(_ request: inout RecipeRequest, quantizations: [Quantization?]) {
    let quantization = pick(quantizations)
    request.method = quantization == nil ? .lora : .qlora
    request.quantization = .some(quantization)
    request.rank = pick([4, 8, 64])
    request.alpha = pick([8, 16, 12.5])
    request.loraDropout = pick([0, 0.05])
    request.targets = pick([.allLinear, .attention, .modules(["q_proj", "v_proj"]), .modules(["v_proj"])])
  }

  private mutating func step(_ request: inout RecipeRequest) {
    request.microBatch = pick([1, 2, 7])
    request.sequence = pick([128, 1000, 2048])
    request.accumulation = pick([1, 4])
    request.learningRate = pick([1e-5, 2e-4, 0.001])
    request.weightDecay = pick([0, 0.01])
    request.usesGradientCheckpointing = pick([true, false])
  }

  private mutating func share(_ request: inout RecipeRequest) {
    let sharding = pick([.none, .none, .ddp, .zero1, .zero2, .zero3, .fsdp, .fsdp2] as [Sharding])
    request.sharding = sharding
    request.devices = sharding == .none ? 1 : 2
    var settings = ShardingSettings()
    if sharding.isDeepSpeed {
      settings.reduceBucketElements = pick([500_000_000, 1 << 24])
      settings.offload = pick([.none, .optimizer])
      if sharding == .zero3 { settings.persistenceThreshold = pick([100_000, 40_960]) }
    }
    if sharding == .fsdp { settings.prefetchesBackward = pick([true, false]) }
    if sharding.isFullySharded { settings.offload = pick([.none, .all]) }
    request.shardingSettings = settings
  }

  mutating func request(for dialect: ConfigurationEmission.Dialect) -> RecipeRequest {
    var request = RecipeRequest()
    request.stack = dialect.stack ?? .trl
    step(&request)
    let optimizers: [Optimizer.Kind] = [.adamw, .adamw8bit, .pagedAdamw, .lion8bit, .adafactor, .sgd]
    request.optimizer = pick(optimizers)
    var choices = request.stack?.choices ?? StackChoices()
    let bits: [Quantization?] = [nil, .int8, .nf4(double: true), .nf4(double: false), .fp4(double: true)]
    if pick([true, false, false]), dialect != .peft {
      request.method = .full
    } else {
      adapter(&request, quantizations: dialect == .torchtune ? [nil, .nf4(double: true)] : bits)
      request.modulesToSave = dialect == .torchtune ? nil : pick([nil, ["embed_tokens", "lm_head"]])
      request.stabilizesRank = dialect == .torchtune ? nil : pick([nil, true])
      request.decomposesWeights = request.method == .lora ? pick([nil, true]) : nil
    }
    switch dialect {
    case .axolotl:
      share(&request)
      // axolotl passes no prefetch on to FSDP.
      if request.sharding == .fsdp { request.shardingSettings?.prefetchesBackward = false }
      choices.adapters = request.sharding == .fsdp ? .peft : pick([.axolotl, .peft])
      choices.norm = pick([.composed, .liger])
      choices.rotary = pick([.composed, .liger])
      choices.reentersCheckpoints = pick([true, false])
      choices.checkpoints = pick([.device, .host])
      (request.loss, choices.fusedHead) = pick([(.full, .trl), (.fused, .liger), (.chunked, .trl)])
      (request.precision, request.weightFormat) = pick([
        (.autocast, .bf16), (.autocast, .fp16), (.pure, .bf16), (.pure, .fp32),
      ])
      // Without mixed precision axolotl loads what is beside 8-bit weights in fp16 (`resolve_dtype`).
      if request.quantization == .some(.int8), request.weightFormat == .fp32 { request.weightFormat = .fp16 }
      request.attention = pick([.eager, .sdpa, .flash])
    case .llamaFactory:
      share(&request)
      choices.reentersCheckpoints = pick([true, false])
      let isPure = pick([true, false])
      request.precision = isPure ? .pure : .autocast
      request.weightFormat = request.method == .full && !isPure ? .fp32 : .bf16
      request.adapterFormat = isPure ? .bf16 : .fp32
      request.loss = .full
      request.attention = pick([.eager, .sdpa, .flash])
    case .trl:
      share(&request)
      choices.norm = pick([.composed, .liger])
      choices.gate = pick([.composed, .liger])
      choices.reentersCheckpoints = pick([true, false])
      (request.precision, request.weightFormat) = pick([(.autocast, .bf16), (.autocast, .fp32), (.pure, .bf16)])
      request.loss = .fused
      request.attention = pick([.eager, .sdpa, .flash])
    case .torchtune:
      request.optimizer = pick([.adamw, .pagedAdamw8bit, .adamw8bit, .sgd])
      request.weightFormat = pick([.bf16, .fp32])
      request.adapterFormat = request.weightFormat
      request.loss = pick([.chunked, .full])
      choices.stepsInBackward = request.accumulation == 1 && request.method == .full && pick([true, false])
      request.devices = pick([1, 2])
      if request.devices == 2 { request.sharding = .fsdp2 }
    case .peft: break
    }
    request.choices = choices
    return request
  }
}

@Suite struct `A recipe written as a configuration` {
  @Test(arguments: ConfigurationEmission.Dialect.allCases, 0..<150)
  func `comes back as it was`(dialect: ConfigurationEmission.Dialect, seed: Int) throws {
    var draw = Draw(seed: seed)
    let request = draw.request(for: dialect)
    let spec = try ModelSpec.preset("llama-2-7b")
    let recipe = try request.resolved(for: spec).recipe
    let emission = try ConfigurationEmission(recipe, of: spec, model: "meta-llama/Llama-2-7b-hf", as: dialect)
    // The number of GPUs is the launcher's to say, everything but the adapter a trainer's.
    let launched = recipe.parallelism.devices > 1 || dialect == .peft ? 1 : 0
    #expect(emission.unsaid.count == launched, "\(emission.text)")
    // What a program would be handed, comments and all, says the same again.
    let configuration = try TrainingConfiguration(
      parsing: emission.text, file: dialect == .peft ? "adapter_config.json" : "config.yaml")
    #expect(configuration.model.flatMap(Presets.named)?.name == "llama-2-7b")
    #expect(configuration.fields(.unknown).isEmpty && configuration.fields(.notModeled).isEmpty, "\(emission.text)")
    guard dialect != .peft else { return }
    var launch = RecipeRequest()
    launch.devices = recipe.parallelism.devices
    let back = try configuration.recipe(under: launch)
    #expect(RecipeDifference.between(recipe, back, of: spec).isEmpty)
    let again = try ConfigurationEmission(back, of: spec, model: "meta-llama/Llama-2-7b-hf", as: dialect)
    #expect(again.text == emission.text)
  }

  private func recipe(_ change: (inout RecipeRequest) -> Void) throws -> (Recipe, ModelSpec) {
    var request = RecipeRequest()
    request.stack = .axolotl
    change(&request)
    let spec = try ModelSpec.preset("llama-2-7b")
    return (try request.resolved(for: spec).recipe, spec)
  }

  @Test func `what a program has no words for stands in comments`() throws {
    let (recipe, spec) = try recipe {
      $0.optimizer = .adamw
      $0.optimizerImplementation = .single
      $0.runtime = try? RuntimeSettings(cublasWorkspace: .kibi)
    }
    let emission = try ConfigurationEmission(recipe, of: spec, model: "llama-2-7b", as: .axolotl)
    #expect(emission.unsaid.count == 2)
    #expect(emission.text.contains("# not said: optimizer-implementation is single in the plan, foreach here\n"))
    #expect(emission.text.contains("# not said: cublas-workspace is"))
  }

  @Test func `a recipe of another stack says so`() throws {
    let (recipe, spec) = try recipe { $0.stack = .unsloth }
    let emission = try ConfigurationEmission(recipe, of: spec, model: "llama-2-7b", as: .axolotl)
    #expect(emission.unsaid.contains("stack is unsloth in the plan, axolotl here"))
  }

  @Test(arguments: [
    (ConfigurationEmission.Dialect.axolotl, Method.Name.vera), (.trl, .prompt), (.llamaFactory, .ia3),
    (.torchtune, .freeze),
    (.peft, .full),
  ])
  func `a method without words is refused`(dialect: ConfigurationEmission.Dialect, method: Method.Name) throws {
    let (recipe, spec) = try recipe { $0.method = method }
    #expect(throws: EmissionError.self) {
      try ConfigurationEmission(recipe, of: spec, model: "llama-2-7b", as: dialect)
    }
  }

  @Test(arguments: [
    Method.Name.vera, .oft, .boft, .loha, .lokr, .ia3, .lnTuning, .adalora, .prompt, .pTuning, .prefix, .dora,
  ])
  func `PEFT's file has every adapter`(method: Method.Name) throws {
    let (recipe, spec) = try recipe {
      $0.method = method
      $0.usesGradientCheckpointing = false
    }
    let emission = try ConfigurationEmission(recipe, of: spec, model: "llama-2-7b", as: .peft)
    #expect(emission.unsaid.count == 1, "\(emission.text) \(emission.unsaid)")
  }

  @Test func `LLaMA-Factory's file has freezing, GaLore and HQQ`() throws {
    let quantization = try Quantization.hqq(bits: 4)
    for change in [
      {
        $0.method = .freeze; $0.trainedLayers = -3; $0.weightFormat = .bf16
      },
      {
        $0.method = .full; $0.optimizer = .galoreAdamwLayerwise; $0.optimizerRank = 64
      },
      {
        $0.method = .qlora; $0.quantization = .some(quantization)
      },
      {
        $0.method = .oft; $0.blockSize = 64
      },
    ] as [(inout RecipeRequest) -> Void] {
      let (recipe, spec) = try recipe {
        $0.stack = .llamaFactory
        change(&$0)
      }
      let emission = try ConfigurationEmission(recipe, of: spec, model: "llama-2-7b", as: .llamaFactory)
      #expect(emission.unsaid.isEmpty, "\(emission.text)")
    }
  }
}
