import Bookkeeping
import Modeling
import Testing
import Training

/// What changes when memory is given back, and no number: gradients consumed in backward, checkpoints every n layers.
@Suite struct `Saving memory` {
  private static func run(
    _ method: Method.Name, _ optimizer: Optimizer.Kind, _ model: TinyModel, inBackward: Bool = false,
    layersPerCheckpoint: Int? = nil, steps: Int = 3
  ) throws -> (losses: [Double], norms: [Double], weights: [[Float]], gradientPeak: Bytes) {
    let spec = try model.spec
    var request = RecipeRequest()
    request.stack = .plimsoll
    request.method = method
    if method != .full {
      request.rank = 72
      request.loraDropout = 0.25
    }
    request.optimizer = optimizer
    request.learningRate = 1e-2
    request.weightDecay = 0.01
    request.microBatch = 2
    request.sequence = 16
    request.stepsInBackward = inBackward
    request.layersPerCheckpoint = layersPerCheckpoint
    let recipe = try request.resolved(for: spec).recipe
    let trainer = try Trainer(spec, recipe, source: SeededWeights(seed: 3), seed: 7)
    var losses: [Double] = []
    var norms: [Double] = []
    var gradientPeak = Bytes.zero
    for step in 0..<steps {
      let tokens = (0..<32).map { Int32(($0 * 7 + step * 31) % 97) }
      let result = try trainer.step([Trainer.MicroBatch(tokens: tokens, labels: tokens)])
      losses.append(result.loss)
      norms.append(result.gradientNorm)
      for moment in 0..<result.ledger.clock.count {
        let live = result.ledger.entries.filter {
          $0.account == .gradients && $0.opened.ordinal <= moment && ($0.closed?.ordinal ?? .max) >= moment
        }
        gradientPeak = max(gradientPeak, live.reduce(.zero) { $0 + $1.bytes })
      }
    }
    return (losses, norms, trainer.trained.map(\.numbers), gradientPeak)
  }

  /// Each parameter's update needs its own gradient only, so that the order in which they come does not matter.
  @Test(
    arguments: [Method.Name.full, .lora, .qlora],
    [(Optimizer.Kind.adamw, TinyModel.base), (.adamw8bit, .base), (.sgdMomentum, .tied), (.adamw, .qwen2)])
  func `the optimizer in backward makes the same losses and weights, bit by bit`(
    method: Method.Name, setting: (optimizer: Optimizer.Kind, model: TinyModel)
  ) throws {
    let plain = try Self.run(method, setting.optimizer, setting.model)
    let inBackward = try Self.run(method, setting.optimizer, setting.model, inBackward: true)
    #expect(inBackward.losses == plain.losses)
    #expect(inBackward.weights == plain.weights)
    #expect(Set(plain.losses).count == 3)
    // The same squares, added in another order in double precision.
    for (seen, expected) in zip(inBackward.norms, plain.norms) { #expect(abs(seen - expected) <= 1e-12 * expected) }
    #expect(inBackward.gradientPeak < plain.gradientPeak)
  }

  @Test(arguments: [Method.Name.full, .lora, .qlora], [TinyModel.base, .qwen2])
  func `a checkpoint every two layers makes the same losses and weights, bit by bit`(
    method: Method.Name, model: TinyModel
  ) throws {
    let plain = try Self.run(method, .adamw, model)
    for layers in 1...2 {
      let checkpointed = try Self.run(method, .adamw, model, layersPerCheckpoint: layers)
      #expect(checkpointed.losses == plain.losses)
      #expect(checkpointed.weights == plain.weights)
    }
  }

  @Test func `a common norm cannot be clipped to when the first gradients are gone`() throws {
    let spec = try TinyModel.base.spec
    var request = RecipeRequest()
    request.stack = .plimsoll
    request.method = .full
    request.sequence = 16
    request.stepsInBackward = true
    let trainer = try Trainer(spec, request.resolved(for: spec).recipe, source: SeededWeights(seed: 3))
    let tokens = (0..<16).map { Int32($0) }
    let before = trainer.trained.map(\.numbers)
    #expect(throws: TrainingError.clippingInBackward) {
      try trainer.step([Trainer.MicroBatch(tokens: tokens, labels: tokens)], maximumGradientNorm: 1)
    }
    #expect(trainer.trained.map(\.numbers) == before)
  }

  @Test func `gradients cannot be accumulated and consumed in backward`() throws {
    let spec = try TinyModel.base.spec
    var request = RecipeRequest()
    request.stack = .plimsoll
    request.method = .full
    request.sequence = 16
    request.stepsInBackward = true
    request.accumulation = 2
    #expect(throws: RecipeError.self) { try request.resolved(for: spec) }
    request.accumulation = 1
    _ = try request.resolved(for: spec)
  }
}
