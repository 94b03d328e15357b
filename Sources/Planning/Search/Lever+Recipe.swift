import Bookkeeping
package import Modeling

extension Lever {
  /// Every lever that `recipe` has, sequences aside, in the order of ``Name``.
  ///
  /// - Parameter device: what it runs on, where that is known: flash attention's kernels need compute capability 8.0.
  package static func all(for recipe: Recipe, of spec: ModelSpec, on device: Device?) -> [Lever] {
    let list = free(recipe, device) + slower(recipe) + closeBy(recipe, spec)
    return list.filter { !$0.options.isEmpty }
  }

  private static func free(_ recipe: Recipe, _ device: Device?) -> [Lever] {
    guard recipe.stack.isTorch else { return [engineLoss(recipe)] }
    var losses: [Option] = []
    // LLaMA-Factory has no setting for the loss alone: its Liger kernels change norms and rotations too.
    if recipe.loss == .full, recipe.stack != .llamaFactory {
      losses = [LossImplementation.chunked, .fused].map { loss in
        change("--loss \(loss.rawValue)", "scores over the vocabulary are never all there at once") { _ in
          RecipeChange(loss: loss)
        }
      }
    }
    var formats: [Option] = []
    if recipe.method.addsParameters, recipe.adapterFormat == .fp32, recipe.weightFormat != .fp32 {
      let format = recipe.weightFormat
      formats = [
        change("--adapter-dtype \(format.rawValue)", "adapters and their states in 16 bits, as the base is") { _ in
          RecipeChange(adapterFormat: format)
        }
      ]
    }
    var walks: [Option] = []
    if recipe.optimizer.kind == .adamw, recipe.optimizer.implementation != .fused {
      walks = [
        change("--optimizer-implementation fused", "one kernel updates everything, without temporaries") { _ in
          RecipeChange(implementation: .fused)
        }
      ]
    }
    let hasFlash = device?.computeCapability.map { $0.major >= 8 } ?? true
    var attentions: [Option] = []
    if recipe.attention != .flash, hasFlash {
      attentions = [
        change("--attention flash", "attention's scores are never kept") { _ in RecipeChange(attention: .flash) }
      ]
    }
    return [
      Lever(.loss, .free, isSteady: false, losses), Lever(.adapterFormat, .free, isSteady: false, formats),
      Lever(.walk, .free, isSteady: false, walks), Lever(.segments, .free, isSteady: true, segments(recipe)),
      Lever(.attention, .free, isSteady: false, attentions),
    ]
  }

  /// Our own engine chunks its loss over tokens unless told otherwise, and over the vocabulary at the cost of a product.
  private static func engineLoss(_ recipe: Recipe) -> Lever {
    let fused = change("--loss fused", "scores of a slice of the vocabulary at a time, each made twice") { _ in
      RecipeChange(loss: .fused)
    }
    let chunked = change("--loss chunked", "scores over the vocabulary are never all there at once") { _ in
      RecipeChange(loss: .chunked)
    }
    switch recipe.loss {
    case .full: return Lever(.loss, .free, isSteady: false, [chunked, fused])
    case .chunked: return Lever(.loss, .time, isSteady: false, [fused])
    case .fused: return Lever(.loss, .time, isSteady: false, [])
    }
  }

  /// Segments that grow: what is live stays what it was, and the floor with it.
  private static func segments(_ recipe: Recipe) -> [Option] {
    let settings = recipe.runtime.allocator
    guard !settings.usesExpandableSegments else { return [] }
    let text = (settings.text.isEmpty ? "" : settings.text + ",") + "expandable_segments:True"
    guard let expandable = try? AllocatorSettings(parsing: text) else { return [] }
    return [
      change("--alloc-conf \(text)", "segments grow, so that no hole between cached blocks is lost") { recipe in
        var runtime = recipe.runtime
        runtime.allocator = expandable
        return RecipeChange(runtime: runtime)
      }
    ]
  }

  private static func slower(_ recipe: Recipe) -> [Lever] {
    var checkpoints: [Option] = []
    if !recipe.usesGradientCheckpointing {
      checkpoints = [
        change("--checkpointing", "layers are run again in backward: a forward pass more") { _ in
          RecipeChange(usesGradientCheckpointing: true)
        }
      ]
    }
    let whole = recipe.batch.microBatch * recipe.batch.accumulation
    let batches = (1..<max(1, recipe.batch.microBatch)).reversed().filter { recipe.batch.microBatch.isMultiple(of: $0) }
    let splits = batches.map { batch in
      change("--batch \(batch) --grad-accum \(whole / batch)", "the same sequences a step, one part after the other") {
        _ in RecipeChange(microBatch: batch, accumulation: whole / batch)
      }
    }
    var pages: [Option] = []
    if recipe.stack.isTorch, recipe.parallelism == .single, recipe.optimizer.kind.paged != nil {
      pages = [
        Option("--optimizer", "moments can move to the host's memory when the card is full") { recipe in
          recipe.optimizer.kind.paged.flatMap { recipe.changed(RecipeChange(optimizer: $0)) }
        }
      ]
    }
    return [
      Lever(.checkpointing, .time, isSteady: false, checkpoints), Lever(.microBatch, .time, isSteady: false, splits),
      Lever(.paging, .time, isSteady: false, pages), Lever(.offload, .time, isSteady: false, offloads(recipe)),
    ]
  }

  /// What of a sharded step can wait in the host's memory.
  private static func offloads(_ recipe: Recipe) -> [Option] {
    let parallelism = recipe.parallelism
    guard parallelism.settings.offload == .none else { return [] }
    return [ShardingSettings.Offload.optimizer, .all].compactMap { offload in
      var settings = parallelism.settings
      settings.offload = offload
      guard
        let moved = try? Parallelism(devices: parallelism.devices, sharding: parallelism.sharding, settings: settings)
      else { return nil }
      return change("--offload \(offload.rawValue)", "waits in the host's memory, and goes over the bus in every step")
      {
        _ in RecipeChange(parallelism: moved)
      }
    }
  }

  private static func closeBy(_ recipe: Recipe, _ spec: ModelSpec) -> [Lever] {
    var states: [Option] = []
    if recipe.stack.isTorch, recipe.optimizer.kind.quantized != nil {
      states = [
        Option("--optimizer", "moments in 8-bit codes") { recipe in
          recipe.optimizer.kind.quantized.flatMap { recipe.changed(RecipeChange(optimizer: $0)) }
        }
      ]
    }
    var formats: [Option] = []
    if recipe.weightFormat == .fp32, recipe.stack.isTorch {
      formats = [
        change("--dtype bf16", "weights with 8 bits of precision instead of 24") { _ in
          RecipeChange(weightFormat: .bf16)
        }
      ]
    }
    // DoRA's few layers may need more in one moment than its many.
    let decomposesWeights = recipe.method.adapter?.decomposesWeights ?? false
    return [
      Lever(.states, .fidelity, isSteady: false, states), Lever(.weightFormat, .fidelity, isSteady: false, formats),
      Lever(.base, .fidelity, isSteady: false, bases(recipe)),
      Lever(.rank, .fidelity, isSteady: true, ranks(recipe, spec)),
      Lever(
        .targets, .fidelity, isSteady: recipe.choices.adapters == .peft && !decomposesWeights,
        targets(recipe, spec)),
    ]
  }

  /// A frozen base instead of a trained one, or codes of fewer bits.
  private static func bases(_ recipe: Recipe) -> [Option] {
    let nf4 = Quantization.nf4(double: true)
    func option(_ flags: String, _ reason: String, _ method: Method) -> Option {
      change(flags, reason) { _ in RecipeChange(method: method) }
    }
    switch recipe.method {
    case .full, .partial:
      guard let adapter = try? LoRA(rank: 16, alpha: 32) else { return [] }
      return [
        option("--method lora --rank 16", "adapters train, the base stays as it is", .lora(adapter)),
        option("--method qlora --rank 16", "adapters train on a base in 4-bit codes", .qlora(adapter, nf4)),
      ]
    case .lora, .qlora:
      guard recipe.method.quantization != nf4 else { return [] }
      let isPlain = recipe.method.quantization == nil && recipe.method.adapter?.decomposesWeights == false
      let reason =
        recipe.method.quantization == nil
        ? "the frozen base in 4-bit codes" : "4-bit codes whose constants are quantized too"
      return [
        Option(isPlain ? "--method qlora" : "--quant nf4 --double-quant", reason) { recipe in
          recipe.method.adapter.flatMap { recipe.changed(RecipeChange(method: .qlora($0, nf4))) }
        }
      ]
    case .wrapped, .prompted: return []
    }
  }

  /// Half the rank, a quarter and so on, as long as every factor is large enough for 8-bit states.
  private static func ranks(_ recipe: Recipe, _ spec: ModelSpec) -> [Option] {
    guard let adapter = recipe.method.adapter else { return [] }
    let modules = spec.linearModules(0).filter(adapter.targets.match)
    let narrowest = modules.map { min($0.input, $0.output) }.min() ?? 1
    return sequence(first: adapter.rank / 2) { $0 / 2 }.prefix { $0 >= 4 && $0 * narrowest >= 4096 }.map { rank in
      Option("--rank \(rank)", "adapters can say less") { recipe in
        recipe.method.with(rank: rank).flatMap { recipe.changed(RecipeChange(method: $0)) }
      }
    }
  }

  /// Adapters on fewer layers.
  private static func targets(_ recipe: Recipe, _ spec: ModelSpec) -> [Option] {
    guard let adapter = recipe.method.adapter, adapter.targets == .allLinear else { return [] }
    let names = Set(spec.linearModules(0).map(\.shortName))
    var lists: [LoRA.Targets] = [.attention]
    if names.isSuperset(of: ["q_proj", "v_proj"]) { lists.append(.modules(["q_proj", "v_proj"])) }
    return lists.map { targets in
      Option("--targets \(targets.text)", "fewer layers learn") { recipe in
        guard let lora = try? recipe.method.adapter?.with(targets: targets) else { return nil }
        return recipe.changed(RecipeChange(method: recipe.method.with(adapter: lora)))
      }
    }
  }

  /// A change that is the same whatever else is changed.
  package static func change(
    _ flags: String, _ reason: String, _ change: @escaping @Sendable (Recipe) -> RecipeChange
  ) -> Option {
    Option(flags, reason) { recipe in
      let changed = recipe.changed(change(recipe))
      return changed == recipe ? nil : changed
    }
  }
}

extension Optimizer.Kind {
  /// The same update with states that can move to the host.
  fileprivate var paged: Optimizer.Kind? {
    switch self {
    case .adamw, .adamw32bit: .pagedAdamw
    case .adamw8bit: .pagedAdamw8bit
    case .ademamix: .pagedAdemamix
    case .ademamix8bit: .pagedAdemamix8bit
    case .lion: .pagedLion
    case .lion8bit: .pagedLion8bit
    default: nil
    }
  }

  /// The same update with states in 8-bit codes.
  fileprivate var quantized: Optimizer.Kind? {
    switch self {
    case .adamw, .adamw32bit: .adamw8bit
    case .pagedAdamw: .pagedAdamw8bit
    case .ademamix: .ademamix8bit
    case .pagedAdemamix: .pagedAdemamix8bit
    case .lion: .lion8bit
    case .pagedLion: .pagedLion8bit
    case .rmsprop32bit: .rmsprop8bit
    default: nil
    }
  }
}

extension LoRA {
  /// The same adapters on other layers.
  fileprivate func with(targets: Targets) throws(RecipeError) -> LoRA {
    try LoRA(
      rank: rank, alpha: alpha, dropout: dropout, targets: targets, decomposesWeights: decomposesWeights,
      stabilizesRank: stabilizesRank, modulesToSave: modulesToSave)
  }
}
