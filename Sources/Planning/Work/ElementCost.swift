import Modeling

/// Operations an element of what is not a matrix product, counted off the formulas.
///
/// Additions, multiplications, divisions, roots, exponentials and other single functions count one each.
enum ElementCost {
  /// x·w/rms(x): square, sum, reciprocal, weight.
  static let rmsNorm = 4
  /// dy·w, its sum with x̂ (2), x̂ scaled, the difference, times the reciprocal, and x̂ itself.
  static let rmsNormBackward = 7
  /// Mean, difference, square, sum, reciprocal, weight, bias.
  static let layerNorm = 7
  /// As RMSNorm's, and the mean of dy·w and its difference.
  static let layerNormBackward = 9
  /// dy·x̂ and its sum over tokens, a weight; with a bias one more sum.
  static let normWeight = 2
  static let normBias = 1
  /// Two products and a sum for each element of a pair.
  static let rotary = 3
  /// A score: scaled, compared, less the maximum, exponential, sum.
  static let softmax = 5
  /// A score: scaled, less the logsumexp, exponential; then P·(dP − δ)·scale.
  static let softmaxBackward = 6
  /// The row sums of dO·O.
  static let softmaxDelta = 2
  /// The residual sum, forward and backward.
  static let residual = 1
  /// A score over the vocabulary: compared, less the maximum, exponential, sum.
  static let loss = 4
  /// Times the reciprocal sum, and over the number of tokens.
  static let lossBackward = 2
  static let bias = 1
  /// A mask and its scale in one product.
  static let dropout = 1
  /// A code's table value times its block's absmax.
  static let dequantization = 1
  /// A doubly quantized absmax: times its block's, plus the offset.
  static let nestedAbsmax = 2
  /// Adding up the rows of a table's gradient.
  static let embeddingBackward = 1
  /// An element of a weight and its change: scaled, added, squared, summed.
  static let weightNorm = 4
  /// Square and sum of the norm to clip by, and the scale.
  static let gradientClipping = 3

  /// The activation and, where there is a gate, its product with the up projection.
  static func activation(_ spec: FeedForwardSpec) -> Int {
    let function =
      switch spec.activation {
      // x/(1 + exp(−x)).
      case .silu: 4
      // x/2·(1 + erf(x/√2)).
      case .gelu: 5
      // x/2·(1 + tanh(c·(x + a·x³))): Hendrycks and Gimpel 2016, section 2, <https://arxiv.org/abs/1606.08415>.
      case .geluTanh: 9
      case .relu: 1
      }
    return function + (spec.isGated ? 1 : 0)
  }

  /// The function's value and slope again, and the products with the gradient that comes in.
  static func activationBackward(_ spec: FeedForwardSpec) -> Int {
    let function =
      switch spec.activation {
      // σ, then σ·(1 + x·(1 − σ)).
      case .silu: 7
      // Φ (4), the density (4), Φ + x·density (2).
      case .gelu: 10
      // tanh as forward (6), 1 − tanh² (2), the inner slope (3), and their sum (4).
      case .geluTanh: 15
      case .relu: 1
      }
    // Gate's gradient: dy·up·slope; up's: dy·f(gate), with f(gate) = gate·σ made once more.
    return function + (spec.isGated ? 4 : 1)
  }

  /// Operations a trained parameter costs in the optimizer's step.
  static func optimizer(_ kind: Optimizer.Kind) -> Int {
    switch kind.family {
    // First moment 3, second 4, root, correction, epsilon, quotient, step 2, decay 1: Loshchilov and Hutter 2019,
    // algorithm 2, <https://arxiv.org/abs/1711.05101>. The averages of z and of the iterate take as many as a moment.
    case .torchAdamW, .fusedAdam, .scheduleFree(.adamw), .scheduleFree(.radam): 14
    // The same, and both moments out of and into their codes.
    case .torchao: 18
    case .bitsandbytes(let states):
      switch states.update {
      case .adam: states.isQuantized ? 18 : 14
      // One more average of the gradient, and its share of the step.
      case .ademamix: states.isQuantized ? 24 : 18
      // Two interpolations (6), sign, step 2, decay: Chen et al. 2023, algorithm 2,
      // <https://arxiv.org/abs/2302.06675>.
      case .lion: states.isQuantized ? 12 : 10
      case .rmsprop: states.isQuantized ? 10 : 8
      }
    // Square, row and column sums, estimate (2), root, quotient, clip (2), step 2, decay: Shazeer and Stern 2018,
    // algorithm 4, <https://arxiv.org/abs/1804.04235>.
    case .torchAdafactor, .transformersAdafactor, .lomo(isAdaptive: true), .galore(.adafactor, _): 12
    // The projected moments are few; back in full: scale 1, step 2.
    case .galore(.adamw, _), .galore(.adamw8bit, _): 3
    // The gradient times its factor, limited and scaled, and the step.
    case .apollo: 5
    // One average of the gradient (3), Nesterov's (3), step 2, decay; the products of the orthogonalization aside.
    case .muon: 9
    // A square and its mean (2), first moment 3, quotient, step 2, decay: Zhang et al. 2024, algorithm 1,
    // <https://arxiv.org/abs/2406.16793>.
    case .adamMini: 9
    // Square 3, root, epsilon, quotient, step 2.
    case .torchRMSprop, .torchAdagrad: 8
    case .torchSGD(hasMomentum: false), .lomo(isAdaptive: false): 2
    case .torchSGD(hasMomentum: true): 4
    case .scheduleFree(.sgd): 7
    }
  }
}
