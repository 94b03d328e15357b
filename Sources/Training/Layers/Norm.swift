import Bookkeeping
import Kernels

/// RMS normalization with a weight: weight · x · rsqrt(mean(x²) + epsilon) (<https://arxiv.org/abs/1910.07467>).
final class Norm {
  let weight: ParameterTensor  // [width]
  let epsilon: Float

  init(_ weight: ParameterTensor, epsilon: Double) {
    self.weight = weight
    self.epsilon = Float(epsilon)
  }

  private var width: Int { weight.shape.count }

  /// Fills `normed` `[rows, width]` and `reciprocalRMS` `[rows]`.
  func forward(
    x: Span<Float>, rows: Int, into normed: inout Tensor<Float>, reciprocalRMS: inout Tensor<Float>
  ) {
    RMSNorm.forward(
      x: x, weight: weight.value.span, epsilon: epsilon, rows: rows, width: width, into: normed.mutableSpan,
      reciprocalRMS: reciprocalRMS.mutableSpan)
  }

  /// The input's gradient, added to `dx` or written over it.
  func backward(
    dNormed: Span<Float>, x: Span<Float>, reciprocalRMS: Span<Float>, rows: Int, accumulate: Bool,
    into dx: inout Tensor<Float>
  ) {
    RMSNorm.inputGradient(
      dNormed: dNormed, x: x, reciprocalRMS: reciprocalRMS, weight: weight.value.span, rows: rows, width: width,
      accumulate: accumulate, into: dx.mutableSpan)
  }

  /// The weight's gradient, if it trains.
  func weightGradient(
    dNormed: Span<Float>, x: Span<Float>, reciprocalRMS: Span<Float>, rows: Int
  ) throws(ArenaError) {
    guard weight.isTrained else { return }
    let isAdding = try weight.openGradient()
    RMSNorm.weightGradient(
      dNormed: dNormed, x: x, reciprocalRMS: reciprocalRMS, rows: rows, width: width, accumulate: isAdding,
      into: weight.gradient.mutableSpan)
  }
}
