import Kernels
import Modeling
import Testing
import Training

@Suite struct `A chunked loss` {
  /// 3 × 180 tokens are one chunk of 512 and a rest of 28.
  @Test(arguments: [Method.Name.full, .lora], [TinyModel.base, .tied])
  func `is the full loss with its gradients`(_ method: Method.Name, _ model: TinyModel) throws {
    let spec = try model.spec
    func trainer(_ loss: LossImplementation) throws -> Trainer {
      let recipe = try engineRecipe(method, microBatch: 3, sequence: 180, loss: loss, for: spec)
      return try Trainer(spec, recipe, source: SeededWeights(seed: 3), seed: 7)
    }
    let (full, chunked) = (try trainer(.full), try trainer(.chunked))
    let tokens = variedTokens(540)
    // Some labels do not count, among them all of the second chunk's but one.
    let counting = Set(20...500).union([530])
    let labels: [Int32] = tokens.indices.map { counting.contains($0) ? tokens[$0] : CrossEntropy.ignoredLabel }
    let batch = Trainer.MicroBatch(tokens: tokens, labels: labels)

    #expect(try chunked.evaluate([batch]).counted == full.evaluate([batch]).counted)
    #expect(abs(try chunked.evaluate([batch]).loss - full.evaluate([batch]).loss) < 1e-7)
    let (expected, seen) = (try full.accumulateGradients([batch]), try chunked.accumulateGradients([batch]))
    #expect(seen.counted == expected.counted)
    // The same sums, cut once: a rounding of 2⁻²⁴ or two.
    #expect(abs(seen.loss - expected.loss) < 2e-7 * expected.loss)
    for parameter in full.trained {
      let twin = try chunked.parameter(parameter.name)
      let distance = relativeDistance(numbers(twin.gradient.span), numbers(parameter.gradient.span))
      #expect(distance < 1e-6, "gradient of \(parameter.name): \(distance)")
    }
  }

  private func numbers(_ span: Span<Float>) -> [Float] { (0..<span.count).map { span[$0] } }
}
