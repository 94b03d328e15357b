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
  func forward<X: StoredNumber>(
    x: Span<X>, rows: Int, into normed: inout Tensor<X>, reciprocalRMS: inout Tensor<Float>
  ) {
    if weight.format == .bf16 {
      RMSNorm.forward(
        x: x, weight: weight.narrowValue.span, epsilon: epsilon, rows: rows, width: width, into: normed.mutableSpan,
        reciprocalRMS: reciprocalRMS.mutableSpan)
    } else {
      RMSNorm.forward(
        x: x, weight: weight.value.span, epsilon: epsilon, rows: rows, width: width, into: normed.mutableSpan,
        reciprocalRMS: reciprocalRMS.mutableSpan)
    }
  }

  /// The input's gradient, added to `dx` or written over it.
  func backward<X: StoredNumber>(
    dNormed: Span<X>, x: Span<X>, reciprocalRMS: Span<Float>, rows: Int, accumulate: Bool, into dx: inout Tensor<X>
  ) {
    if weight.format == .bf16 {
      RMSNorm.inputGradient(
        dNormed: dNormed, x: x, reciprocalRMS: reciprocalRMS, weight: weight.narrowValue.span, rows: rows,
        width: width, accumulate: accumulate, into: dx.mutableSpan)
    } else {
      RMSNorm.inputGradient(
        dNormed: dNormed, x: x, reciprocalRMS: reciprocalRMS, weight: weight.value.span, rows: rows, width: width,
        accumulate: accumulate, into: dx.mutableSpan)
    }
  }

  /// The weight's gradient, if it trains.
  func weightGradient<X: StoredNumber>(
    dNormed: Span<X>, x: Span<X>, reciprocalRMS: Span<Float>, rows: Int
  ) throws(ArenaError) {
    guard weight.isTrained else { return }
    let isAdding = try weight.openGradient()
    RMSNorm.weightGradient(
      dNormed: dNormed, x: x, reciprocalRMS: reciprocalRMS, rows: rows, width: width, accumulate: isAdding,
      into: weight.gradient.mutableSpan)
  }
}
