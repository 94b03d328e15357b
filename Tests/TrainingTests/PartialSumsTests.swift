import Bookkeeping
import Kernels
import Modeling
import Testing
import Training

/// Sums in fp16 are a setting of the process, so that what uses them runs in one of its own.
@Suite(.enabled(if: PartialSums.fp16.isAvailable, "this processor has no arithmetic in fp16"))
struct `Training with partial sums in fp16` {
  @Test func `follows the losses of training with sums in fp32`() async {
    await #expect(processExitsWith: .success) {
      let spec = try TinyModel.base.spec
      let tokens = variedTokens(64)
      let batch = Trainer.MicroBatch(tokens: tokens, labels: tokens)
      func losses(_ method: Method.Name, _ sums: PartialSums) throws -> [Double] {
        PartialSums.use(sums)
        let recipe = try engineRecipe(method, microBatch: 1, sequence: 64, weights: .bf16, loss: .chunked, for: spec)
        let trainer = try Trainer(spec, recipe, source: SeededWeights(seed: 3), seed: 7)
        return try (0..<12).map { _ in try trainer.step([batch]).loss }
      }
      for method in [Method.Name.full, .lora, .qlora] {
        let (exact, seen) = (try losses(method, .fp32), try losses(method, .fp16))
        #expect(exact != seen, "the setting does nothing")
        let learned = exact[0] - exact[11]
        #expect(learned > 0)
        // The curves part by rounding and, in full, by other random roundings of the weights.
        for (left, right) in zip(exact, seen) { #expect(abs(left - right) < 0.02 * max(learned, 0.05)) }
      }
    }
  }
}
