import Bookkeeping
import Kernels
import Modeling
import Testing
import Training

/// What becomes of updates that are smaller than the distance between two bf16 numbers.
@Suite struct `At a small learning rate` {
  enum Way: CaseIterable {
    /// Weights and arithmetic in fp32.
    case fp32
    /// Weights in fp32, arithmetic in bf16.
    case masters
    /// Weights in bf16, rounded at random.
    case stochastic
    /// Weights in bf16, rounded to the nearest: the engine has no such recipe, so the weights are rounded here.
    case nearest
  }

  /// Updates of 1e-5 against distances of 1e-4.
  ///
  /// AdamW moves each weight by about the rate, 1e-5; a weight of 0.02 has its bf16 neighbors at a distance of
  /// 2⁻⁶ · 2⁻⁷ = 1.2e-4. To the nearest, such an update is nothing, every time.
  @Test func `bf16 rounded to the nearest hardly learns, and masters or stochastic rounding learn like fp32`() throws {
    var drops: [Way: Double] = [:]
    for way in Way.allCases { drops[way] = try drop(way) }
    let fp32 = try #require(drops[.fp32])
    #expect(fp32 > 0.01, "in fp32 the loss goes down by \(fp32) alone")
    // Loss differences of this size are only good to about 2⁻⁹ of the loss where arithmetic is bf16.
    for way in [Way.masters, .stochastic] {
      let drop = try #require(drops[way])
      #expect(abs(drop - fp32) < 0.25 * fp32, "\(way): \(drop), fp32: \(fp32)")
    }
    let nearest = try #require(drops[.nearest])
    #expect(nearest < 0.25 * fp32, "to the nearest: \(nearest), fp32: \(fp32)")
  }

  private func drop(_ way: Way) throws -> Double {
    let spec = try TinyModel.base.spec
    let recipe = try engineRecipe(
      .full, weights: way == .stochastic ? .bf16 : .fp32,
      precision: way == .masters || way == .nearest ? .autocast : .pure,
      for: spec)
    let trainer = try Trainer(spec, recipe, source: SeededWeights(seed: 3), seed: 7)
    for parameter in trainer.trained { try roundToNearest(parameter, of: trainer) }
    let tokens = variedTokens(32)
    let batch = Trainer.MicroBatch(tokens: tokens, labels: tokens)
    var losses: [Double] = []
    for _ in 0..<60 {
      losses.append(try trainer.step([batch], learningRate: 1e-5).loss)
      if way == .nearest {
        for parameter in trainer.trained { try roundToNearest(parameter, of: trainer) }
      }
    }
    return losses[0] - losses[losses.count - 1]
  }

  private func roundToNearest(_ parameter: ParameterTensor, of trainer: Trainer) throws {
    try trainer.set(parameter.name, to: parameter.values().map { BFloat16(nearest: $0).single })
  }
}
