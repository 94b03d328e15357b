import Bookkeeping
import Modeling
import Planning
import Testing
import Training

/// The money test: what was planned from shapes and what the engine's arena wrote down are the same books.
@Suite struct `The two books` {
  /// Everything of a recipe that decides which tensors a step keeps.
  struct Variant: Sendable, CustomTestStringConvertible {
    var method = Method.Name.full
    var checkpointing = false
    var dropout = 0.0
    var accumulation = 1
    var targets = LoRA.Targets.allLinear
    var optimizer = Optimizer.Kind.adamw
    var isDouble = true
    var layersPerCheckpoint: Int?
    var stepsInBackward = false
    var rank = 4
    var format = ScalarFormat.fp32
    var adapterFormat = ScalarFormat.fp32
    var precision = Precision.pure
    var loss = LossImplementation.full
    var sequence = 24

    var testDescription: String {
      let flags = [
        checkpointing ? "checkpointing" : nil, layersPerCheckpoint.map { "every \($0)" },
        stepsInBackward ? "in backward" : nil, rank == 4 ? nil : "rank \(rank)", dropout > 0 ? "dropout" : nil,
        accumulation > 1 ? "accumulation" : nil, isDouble ? nil : "single", optimizer.rawValue, targets.text,
        format == .fp32 ? nil : format.rawValue, precision == .pure ? nil : precision.rawValue,
        adapterFormat == .fp32 ? nil : "adapters in \(adapterFormat.rawValue)", loss == .full ? nil : loss.rawValue,
        "\(sequence)",
      ]
      return ([method.rawValue] + flags.compactMap { $0 }).joined(separator: " ")
    }

    func recipe(for spec: ModelSpec) throws -> ResolvedRecipe {
      var request = RecipeRequest()
      request.stack = .plimsoll
      request.method = method
      if method != .full {
        request.rank = rank
        request.loraDropout = dropout
        request.targets = targets
      }
      if method == .qlora { request.quantization = .some(.some(.nf4(double: isDouble))) }
      request.optimizer = optimizer
      request.microBatch = 2
      request.sequence = sequence
      request.weightFormat = format
      request.adapterFormat = adapterFormat
      request.precision = precision
      request.loss = loss
      request.accumulation = accumulation
      request.usesGradientCheckpointing = checkpointing
      request.layersPerCheckpoint = layersPerCheckpoint
      request.stepsInBackward = stepsInBackward ? true : nil
      return try request.resolved(for: spec)
    }

    static let grid: [Variant] = [Method.Name.full, .lora, .qlora].flatMap { method in
      [false, true].flatMap { checkpointing in
        [0.0, 0.1].flatMap { dropout in
          [1, 3].compactMap { accumulation in
            method == .full && dropout > 0
              ? nil
              : Variant(method: method, checkpointing: checkpointing, dropout: dropout, accumulation: accumulation)
          }
        }
      }
    }

    /// The same in bf16 and with a chunked loss: 2 × 70 tokens are two blocks of rows.
    static let narrow: [Variant] = grid.flatMap { variant in
      [(ScalarFormat.bf16, Precision.pure), (.fp32, .autocast)].map { format, precision in
        var narrow = variant
        (narrow.format, narrow.precision, narrow.loss, narrow.sequence) = (format, precision, .chunked, 70)
        return narrow
      }
    }

    /// Corners that a grid of the usual does not reach.
    static let corners: [Variant] = [false, true].flatMap { checkpointing in
      [
        Variant(method: .lora, checkpointing: checkpointing, targets: .modules(["q_proj", "v_proj"])),
        Variant(method: .lora, checkpointing: checkpointing, dropout: 0.2, targets: .modules(["down_proj"])),
        Variant(method: .qlora, checkpointing: checkpointing, targets: .modules(["o_proj"])),
        Variant(method: .lora, checkpointing: checkpointing, targets: .modules(["gate_proj"])),
        Variant(method: .lora, checkpointing: checkpointing, targets: .modules(["model.layers.2.self_attn.k_proj"])),
        Variant(method: .qlora, checkpointing: checkpointing, isDouble: false),
        Variant(method: .full, checkpointing: checkpointing, optimizer: .sgd),
        Variant(method: .lora, checkpointing: checkpointing, optimizer: .sgdMomentum),
        Variant(method: .lora, checkpointing: checkpointing, targets: .attention),
        // Moments of some parameters are in 8 bits, and of those below 4096 elements in fp32.
        Variant(method: .full, checkpointing: checkpointing, optimizer: .adamw8bit),
        Variant(method: .full, checkpointing: checkpointing, stepsInBackward: true),
        Variant(method: .lora, checkpointing: checkpointing, dropout: 0.1, stepsInBackward: true),
        Variant(
          method: .full, checkpointing: checkpointing, optimizer: .adamw8bit, stepsInBackward: true, format: .bf16,
          loss: .chunked),
        Variant(method: .full, checkpointing: true, layersPerCheckpoint: 2, stepsInBackward: checkpointing),
        Variant(
          method: .lora, checkpointing: true, targets: .modules(["model.layers.1.self_attn.k_proj"]),
          layersPerCheckpoint: checkpointing ? 2 : 3),
        Variant(method: .qlora, checkpointing: true, dropout: 0.1, accumulation: 2, layersPerCheckpoint: 2),
        Variant(method: .qlora, checkpointing: checkpointing, optimizer: .adamw8bit, rank: 90),
        Variant(method: .lora, checkpointing: checkpointing, format: .bf16, adapterFormat: .bf16),
        Variant(method: .full, checkpointing: checkpointing, optimizer: .sgdMomentum, format: .bf16),
        Variant(method: .full, checkpointing: checkpointing, format: .bf16, loss: .full),
        // 2 × 270 tokens are a chunk of 512 and a rest.
        Variant(method: .full, checkpointing: checkpointing, loss: .chunked, sequence: 270),
        Variant(method: .lora, checkpointing: checkpointing, loss: .chunked, sequence: 270),
        Variant(method: .full, checkpointing: checkpointing, accumulation: 2, loss: .fused, sequence: 270),
        Variant(method: .qlora, checkpointing: checkpointing, format: .bf16, loss: .fused, sequence: 270),
        Variant(method: .full, checkpointing: checkpointing, stepsInBackward: true, precision: .autocast, loss: .fused),
      ]
    }
  }

  @Test(arguments: TinyDecoder.allCases, Variant.grid + Variant.narrow + Variant.corners)
  func `balance to the byte, in every account, at every moment`(_ model: TinyDecoder, _ variant: Variant) throws {
    try expectBalance(try model.spec, variant)
  }

  /// A fused loss makes scores over 8192 entries at a time: a slice and a rest.
  @Test(arguments: [
    Variant(method: .full, loss: .fused), Variant(method: .lora, format: .bf16, loss: .fused, sequence: 270),
  ])
  func `balance where the vocabulary is more than a slice`(_ variant: Variant) throws {
    try expectBalance(try TinyDecoder.untied.spec(vocabulary: 8192 + 77), variant)
  }

  private func expectBalance(_ spec: ModelSpec, _ variant: Variant) throws {
    let resolved = try variant.recipe(for: spec)
    let trainer = try Trainer(spec, resolved.recipe, source: SeededWeights(seed: 7))
    let plan = try Planner.plan(spec, resolved, threads: trainer.threads)
    let batches = randomBatches(spec, resolved.recipe)
    // The first step, and a later one, whose books must be the same.
    for step in 1...2 {
      let measured = try trainer.step(batches).ledger
      let reconciliation = Reconciliation(planned: plan.ledger, measured: measured)
      if step == 1 {
        #expect(reconciliation.isBalanced, "\(reconciliation)")
      } else {
        // Loading is behind it: nothing but the moment `load` may differ.
        let tides = reconciliation.tides.filter { $0.moment != "load" }
        #expect(tides.isEmpty, "\(reconciliation)")
      }
      #expect(measured.peak.bytes == plan.ledger.peak.bytes)
    }
    #expect(trainer.arena.highWater == plan.ledger.peak.bytes)
  }
}

func randomBatches(_ spec: ModelSpec, _ recipe: Recipe) -> [Trainer.MicroBatch] {
  var generator = SplitMix64(state: 11)
  return (0..<recipe.batch.accumulation).map { _ in
    let tokens = (0..<recipe.batch.tokens).map { _ in
      Int32.random(in: 0..<Int32(spec.vocabularySize), using: &generator)
    }
    return Trainer.MicroBatch(tokens: tokens, labels: tokens)
  }
}

/// A small generator with a seed (SplitMix64), so that a failure can be run again.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
