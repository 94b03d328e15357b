import Bookkeeping
import Modeling
import Planning
import Testing
import Training

@Suite struct `Attention's memory` {
  static let sequences = [512, 2048, 8192]

  private func spec() throws -> ModelSpec {
    try ModelSpec(
      name: "tiny-long", architecture: .llama, layerCount: 1, hiddenSize: 16,
      attention: AttentionSpec(heads: 2, keyValueHeads: 1, headDimension: 8),
      feedForward: FeedForwardSpec(intermediateSize: 32), vocabularySize: 29, tiesEmbeddings: true,
      normalization: Normalization(kind: .rms, epsilon: 1e-5), positions: .rotary(RotarySpec(theta: 10_000)),
      maximumPositions: 8192)
  }

  private func recipe(_ format: ScalarFormat, sequence: Int, for spec: ModelSpec) throws -> ResolvedRecipe {
    var request = RecipeRequest()
    request.stack = .plimsoll
    request.method = .full
    request.weightFormat = format
    request.sequence = sequence
    request.loss = .chunked
    return try request.resolved(for: spec)
  }

  /// From 512 to 2048 and on to 8192 tokens there are 1536 and 6144 more: four times as many, so four times the memory.
  @Test(arguments: [ScalarFormat.fp32, .bf16])
  func `grows in a line with the sequence, as measured`(_ format: ScalarFormat) throws {
    let spec = try spec()
    var workspaces: [Int] = []
    var peaks: [Int] = []
    for sequence in Self.sequences {
      let resolved = try recipe(format, sequence: sequence, for: spec)
      let trainer = try Trainer(spec, resolved.recipe, source: SeededWeights(seed: 7))
      let ledger = try trainer.step(randomBatches(spec, resolved.recipe)).ledger
      let plan = try Planner.plan(spec, resolved, threads: trainer.threads)
      #expect(Reconciliation(planned: plan.ledger, measured: ledger).isBalanced)
      let borrowed = ledger.entries.filter { $0.name.contains("attention") && $0.name.hasSuffix(".workspace") }
      workspaces.append(try #require(borrowed.map(\.bytes.count).max()))
      peaks.append(ledger.peak.bytes.count)
    }
    #expect(workspaces[2] - workspaces[1] == 4 * (workspaces[1] - workspaces[0]))
    // The step's peak is a constant and lines, whichever of them is highest: scores of all pairs would make it 16 times.
    #expect(peaks[1] < 4 * peaks[0] && peaks[2] < 4 * peaks[1])
  }
}
