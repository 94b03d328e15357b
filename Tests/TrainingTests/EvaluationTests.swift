import Bookkeeping
import Modeling
import Testing
import Training

@Suite struct `Evaluation` {
  private func trainer(_ method: Method.Name, dropout: Double? = nil, checkpointing: Bool = false) throws -> Trainer {
    let spec = try TinyModel.base.spec
    let recipe = try engineRecipe(method, dropout: dropout, checkpointing: checkpointing, for: spec)
    return try Trainer(spec, recipe, source: SeededWeights(seed: 3))
  }

  private let batch = Trainer.MicroBatch(
    tokens: (0..<32).map { Int32($0 * 7 % 257) }, labels: (0..<32).map { $0 < 4 ? -100 : Int32($0 * 7 % 257) })

  @Test(arguments: [Method.Name.full, .lora, .qlora], [false, true])
  func `gives the loss that training would`(_ method: Method.Name, checkpointing: Bool) throws {
    let trainer = try trainer(method, checkpointing: checkpointing)
    let evaluated = try trainer.evaluate([batch])
    let trained = try trainer.accumulateGradients([batch])
    #expect(evaluated.loss == trained.loss)
    #expect(evaluated.counted == trained.counted)
  }

  @Test func `drops nothing, whatever the recipe drops`() throws {
    let batch = batch
    let plain = try trainer(.lora)
    let dropping = try trainer(.lora, dropout: 0.5)
    for trainer in [plain, dropping] {
      // A step with the same numbers, so that B is not zero and dropping would show.
      for parameter in trainer.trained where parameter.name.contains("lora_B") {
        try trainer.set(parameter.name, to: [Float](repeating: 0.05, count: parameter.shape.count))
      }
    }
    #expect(try dropping.evaluate([batch]).loss == plain.evaluate([batch]).loss)
    #expect(try dropping.accumulateGradients([batch]).loss != plain.accumulateGradients([batch]).loss)
  }

  @Test func `changes nothing and leaves nothing open`() throws {
    let trainer = try trainer(.full)
    let live = trainer.arena.live
    let weights = trainer.trained.map(\.numbers)
    let first = try trainer.evaluate([batch, batch])
    #expect(first == (try trainer.evaluate([batch, batch])))
    #expect(trainer.arena.live == live)
    #expect(trainer.trained.map(\.numbers) == weights)
    #expect(try trainer.step([batch]).loss == first.loss)
  }

  @Test func `is on the books, and needs less than training`() throws {
    let trainer = try trainer(.full)
    _ = try trainer.evaluate([batch])
    let evaluated = Ledger(posting: trainer.arena.journal)
    _ = try trainer.step([batch])
    let trained = Ledger(posting: trainer.arena.journal)
    #expect(evaluated.peak.bytes < trained.peak.bytes)
    #expect(evaluated.peak.bytes > trainer.arena.live)
    #expect(evaluated.entries.contains { $0.name == TensorName.logits })
    #expect(!evaluated.entries.contains { $0.account == .gradients })
  }

  @Test func `refuses a batch of another shape, and one without labels`() throws {
    let trainer = try trainer(.lora)
    #expect(throws: TrainingError.batchSize(tokens: 1, labels: 1, expected: 32)) {
      try trainer.evaluate([Trainer.MicroBatch(tokens: [1], labels: [1])])
    }
    let blank = Trainer.MicroBatch(tokens: batch.tokens, labels: [Int32](repeating: -100, count: 32))
    #expect(throws: TrainingError.nothingToLearn) { try trainer.evaluate([blank]) }
  }
}
