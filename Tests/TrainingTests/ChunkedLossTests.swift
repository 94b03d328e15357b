import Bookkeeping
import Kernels
import Modeling
import Testing
import Training

@Suite struct `A loss whose scores are never all there` {
  /// What a fused loss takes in one slice, in two, and tied to the table.
  enum Vocabulary: CaseIterable, Sendable {
    case small, tied, wide

    var spec: ModelSpec {
      get throws {
        switch self {
        case .small: return try TinyModel.base.spec
        case .tied: return try TinyModel.tied.spec
        case .wide:
          return try ModelSpec(
            name: "wide", architecture: .llama, layerCount: 1, hiddenSize: 16,
            attention: AttentionSpec(heads: 2, keyValueHeads: 1, headDimension: 8, hasProjectionBias: false),
            feedForward: FeedForwardSpec(intermediateSize: 24), vocabularySize: 8192 + 77, tiesEmbeddings: true,
            normalization: Normalization(kind: .rms, epsilon: 1e-5), positions: .rotary(RotarySpec(theta: 10_000)),
            maximumPositions: 256)
        }
      }
    }
  }

  /// 3 × 180 tokens are one chunk of 512 and a rest of 28.
  @Test(
    arguments: [(Method.Name.full, LossImplementation.chunked), (.lora, .chunked), (.full, .fused), (.lora, .fused)],
    Vocabulary.allCases)
  func `is the full loss with its gradients`(
    _ kind: (method: Method.Name, loss: LossImplementation), _ vocabulary: Vocabulary
  ) throws {
    let spec = try vocabulary.spec
    let (method, loss) = kind
    func trainer(_ loss: LossImplementation) throws -> Trainer {
      let recipe = try engineRecipe(method, microBatch: 3, sequence: 180, loss: loss, for: spec)
      return try Trainer(spec, recipe, source: SeededWeights(seed: 3), seed: 7)
    }
    let (full, chunked) = (try trainer(.full), try trainer(loss))
    // Up to the last entry of the vocabulary.
    let tokens = variedTokens(540).map { $0 % 2 == 0 ? $0 : Int32(spec.vocabularySize) - 1 - $0 }
    // Some labels do not count, among them all of the second chunk's but one.
    let counting = Set(20...500).union([530])
    let labels: [Int32] = tokens.indices.map { counting.contains($0) ? tokens[$0] : CrossEntropy.ignoredLabel }
    let batch = Trainer.MicroBatch(tokens: tokens, labels: labels)

    #expect(try chunked.evaluate([batch]).counted == full.evaluate([batch]).counted)
    #expect(abs(try chunked.evaluate([batch]).loss - full.evaluate([batch]).loss) < 1e-7)
    let (expected, seen) = (try full.accumulateGradients([batch]), try chunked.accumulateGradients([batch]))
    #expect(seen.counted == expected.counted)
    // The same sums, cut once or twice: a rounding of 2⁻²⁴ or two.
    #expect(abs(seen.loss - expected.loss) < 2e-7 * expected.loss)
    for parameter in full.trained {
      let twin = try chunked.parameter(parameter.name)
      let distance = relativeDistance(numbers(twin.gradient.span), numbers(parameter.gradient.span))
      #expect(distance < 1e-6, "gradient of \(parameter.name): \(distance)")
    }
  }

  /// Activations have 8 bits; gradients of scores, rounded to these where a product reads them, are the same here and
  /// there but for the last bit of the exponential they come from.
  @Test(arguments: [Method.Name.full, .lora])
  func `is so in bf16`(_ method: Method.Name) throws {
    let spec = try Vocabulary.wide.spec
    func trainer(_ loss: LossImplementation) throws -> Trainer {
      let recipe = try engineRecipe(method, microBatch: 1, sequence: 40, weights: .bf16, loss: loss, for: spec)
      return try Trainer(spec, recipe, source: SeededWeights(seed: 3), seed: 7)
    }
    let (full, fused) = (try trainer(.full), try trainer(.fused))
    let tokens = variedTokens(40)
    let batch = Trainer.MicroBatch(tokens: tokens, labels: tokens)
    let (expected, seen) = (try full.accumulateGradients([batch]), try fused.accumulateGradients([batch]))
    #expect(abs(seen.loss - expected.loss) < 2e-7 * expected.loss)
    for parameter in full.trained {
      let twin = try fused.parameter(parameter.name)
      let distance = relativeDistance(numbers(twin.gradient.span), numbers(parameter.gradient.span))
      #expect(distance < 0x1p-8, "gradient of \(parameter.name): \(distance)")
    }
  }

  private func numbers(_ span: Span<Float>) -> [Float] { (0..<span.count).map { span[$0] } }
}
