import Bookkeeping
import Modeling
import Planning
import Testing

@Suite struct EngineWalkPropertyTests {
  static let methods = [Method.Name.full, .lora, .qlora]

  @Test(arguments: methods, [false, true])
  func `a step ends with what was loaded`(method: Method.Name, checkpointing: Bool) throws {
    for normalizes in [false, true] {
      for dropout in [0, 0.1] where method != .full || dropout == 0 {
        let spec = try Models.tiny(layers: 3, normalizesQueryAndKey: normalizes, hasProjectionBias: true)
        let plan = try Models.plan(spec, method) {
          $0.usesGradientCheckpointing = checkpointing
          $0.accumulation = 2
          if dropout > 0 { $0.loraDropout = dropout }
        }
        #expect(try plan.ledger.end(of: "zero_grad") == plan.ledger.end(of: "load"))
        #expect(plan.ledger.entries.filter { $0.closed == nil }.allSatisfy { $0.opened.ordinal == 0 })
      }
    }
  }

  /// Every subset of the seven targets, on one layer of two: each must open and close in pairs, and leave nothing.
  @Test(arguments: [0, 1], [false, true])
  func `every choice of targets balances`(layer: Int, checkpointing: Bool) throws {
    for normalizes in [false, true] {
      let spec = try Models.tiny(normalizesQueryAndKey: normalizes)
      let modules = spec.linearModules(layer)
      for choice in 1..<(1 << modules.count) {
        let names = modules.indices.filter { choice >> $0 & 1 == 1 }.map { modules[$0].name }
        // The recipe's own check knows the names of layer 0 only.
        let adapter = try LoRA(rank: 2, alpha: 4, dropout: 0.5, targets: .modules(names))
        let base = try Models.recipe(spec, .lora) { $0.usesGradientCheckpointing = checkpointing }.recipe
        let recipe = try #require(base.changed(RecipeChange(method: .lora(adapter))))
        let journal = try EngineWalk.journal(spec, recipe, threads: 1)
        let ledger = Ledger(posting: journal)
        #expect(try ledger.end(of: "zero_grad") == ledger.end(of: "load"))
        let gradients = ledger.entries.filter { $0.account == .gradients }
        #expect(gradients.count == 2 * names.count)
      }
    }
  }

  @Test func `a layer below the lowest adapter keeps nothing`() throws {
    let spec = try Models.tiny(layers: 3)
    let recipe = try Models.recipe(spec, .lora).recipe
    let adapter = try LoRA(rank: 2, alpha: 4, targets: .modules(["layers.2.mlp.up_proj"]))
    let changed = try #require(recipe.changed(RecipeChange(method: .lora(adapter))))
    let ledger = Ledger(posting: try EngineWalk.journal(spec, changed, threads: 1))
    let load = try ledger.end(of: "load")
    // The stream alone, T·H floats.
    for layer in 0..<2 { #expect(try ledger.end(of: "forward.layer.\(layer).down") - load == Bytes(4 * 32)) }
    // And backward never comes to it.
    #expect(!ledger.entries.contains { $0.name.hasPrefix("layers.1.") && $0.name.hasSuffix(".flow") })
    #expect(try ledger.end(of: "backward.layer.2.attention_norm") == ledger.end(of: "backward.embedding"))
  }

  @Test(arguments: methods)
  func `checkpointing never raises what activations and checkpoints hold at most`(method: Method.Name) throws {
    let spec = try Models.tiny(layers: 6)
    let kept = try [false, true].map { checkpointing in
      try Models.plan(spec, method, sequence: 64) { $0.usesGradientCheckpointing = checkpointing }.ledger.timeline.map {
        ($0.highByAccount[.activations] ?? .zero) + ($0.highByAccount[.checkpoints] ?? .zero)
      }.max() ?? .zero
    }
    #expect(kept[1] < kept[0])
  }

  @Test(arguments: methods) func `checkpoints are one stream a layer`(method: Method.Name) throws {
    let plan = try Models.plan(Models.tiny(layers: 5), method) { $0.usesGradientCheckpointing = true }
    #expect(plan.ledger.high(of: .checkpoints) == Bytes(4 * 5 * 32))
  }

  @Test(arguments: methods) func `more tokens need more memory`(method: Method.Name) throws {
    let spec = try Models.tiny()
    let bySequence = try [4, 8, 16, 100].map { try Models.plan(spec, method, sequence: $0).peak.bytes }
    #expect(zip(bySequence, bySequence.dropFirst()).allSatisfy { $0 < $1 })
    let byBatch = try [1, 2, 3, 8].map { batch in
      try Models.plan(spec, method) { $0.microBatch = batch }.peak.bytes
    }
    #expect(zip(byBatch, byBatch.dropFirst()).allSatisfy { $0 < $1 })
  }

  @Test(arguments: [Method.Name.lora, .qlora]) func `a higher rank needs more memory`(method: Method.Name) throws {
    let spec = try Models.tiny()
    let peaks = try [1, 2, 4, 16].map { rank in try Models.plan(spec, method) { $0.rank = rank }.peak.bytes }
    #expect(zip(peaks, peaks.dropFirst()).allSatisfy { $0 < $1 })
  }

  @Test(arguments: methods)
  func `gradients outlive a micro-batch, and the third is like the second`(method: Method.Name) throws {
    let spec = try Models.tiny()
    let two = try Models.plan(spec, method) { $0.accumulation = 2 }
    let three = try Models.plan(spec, method) { $0.accumulation = 3 }
    #expect(two.peak.bytes == three.peak.bytes)
    let between = try three.ledger.end(of: "micro_batch.0.backward.embedding")
    let trained = Bytes(4 * three.parameters.trainable)
    #expect(try between - three.ledger.end(of: "load") == trained)
    #expect(try three.ledger.end(of: "micro_batch.1.backward.embedding") == between)
    let single = try Models.plan(spec, method)
    #expect(two.peak.bytes >= single.peak.bytes)
    #expect(two.peak.bytes <= single.peak.bytes + trained)
  }

  @Test(arguments: [(LossImplementation.full, "backward.head"), (.chunked, "forward.loss"), (.fused, "forward.loss")])
  func `a tied table has one gradient`(_ loss: LossImplementation, _ moment: String) throws {
    let plan = try Models.plan(Models.tiny(tiesEmbeddings: true), .full) { $0.loss = loss }
    let gradients = plan.ledger.entries.filter { $0.name == "model.embed_tokens.weight.grad" }
    #expect(gradients.count == 1)
    #expect(gradients.first.map { plan.ledger.clock.label(of: $0.opened) } == moment)
  }

  @Test(arguments: [Optimizer.Kind.adamw, .sgdMomentum, .sgd])
  func `states are so many times the trained parameters`(kind: Optimizer.Kind) throws {
    let plan = try Models.plan(Models.tiny(), .lora) { $0.optimizer = kind }
    let times: [Optimizer.Kind: Int] = [.adamw: 2, .sgdMomentum: 1, .sgd: 0]
    #expect(plan.ledger.high(of: .optimizerState) == Bytes(4 * plan.parameters.trainable * (times[kind] ?? -1)))
  }

  @Test func `the accounts of a plan add up to its device bytes`() throws {
    let plan = try Models.plan(Models.tiny(), .qlora)
    #expect(plan.accounts.values.reduce(.zero, +) == plan.device.expected)
    #expect(plan.allocated.expected == plan.peak.bytes)
    #expect(plan.reserved.expected >= plan.allocated.expected)
  }

  @Test func `what the engine can't run is refused by name`() throws {
    let spec = try Models.tiny()
    let changes: [(String, (inout RecipeRequest) -> Void)] = [
      ("fp16", { $0.weightFormat = .fp16 }),
      (
        "autocast over weights in bf16",
        {
          $0.weightFormat = .bf16
          $0.precision = .autocast
        }
      ),
      ("lion", { $0.optimizer = .lion }), ("score", { $0.attention = .eager }),
    ]
    for (word, change) in changes {
      let resolved = try Models.recipe(spec, .full, change)
      let error = #expect(throws: PlanError.self) { try Planner.plan(spec, resolved) }
      #expect(error?.description.contains(word) == true)
    }
    let resolved = try Models.recipe(spec, .qlora) { $0.quantization = .some(.int8) }
    let error = #expect(throws: PlanError.self) { try Planner.plan(spec, resolved) }
    #expect(error?.description.contains("int8") == true)
    let mixed = try Models.recipe(spec, .lora) { $0.adapterFormat = .bf16 }
    let mixedError = #expect(throws: PlanError.self) { try Planner.plan(spec, mixed) }
    #expect(mixedError?.description.contains("adapters in bf16 beside weights in fp32") == true)
  }

  @Test func `absurd ranks and accumulations are refused, not counted`() throws {
    let spec = try Models.tiny()
    let many = try Models.recipe(spec, .full) { $0.accumulation = 65_536 }
    #expect(throws: PlanError.self) { try Planner.plan(spec, many) }
    let wide = try Models.recipe(spec, .lora, sequence: 1024) {
      $0.rank = 65_536
      $0.microBatch = 65_536
      $0.accumulation = 4096
    }
    #expect(throws: PlanError.self) { try Planner.plan(spec, wide) }
  }
}
