import Bookkeeping
import Kernels
import Modeling

/// The most floating-point operations a second that matrix products reach on this machine now.
enum ProductPeak {
  /// Times products of shapes that suit the BLAS, three at least and for a sixth of a second, and takes the best.
  ///
  /// They are in the format that the recipe multiplies in, with the partial sums that are set.
  static func measure(for recipe: Recipe) -> Double {
    recipe.weightFormat == .bf16 || recipe.precision == .autocast ? measure(BFloat16.self) : measure(Float.self)
  }

  private static func measure<Element: Kernels.Number>(_ format: Element.Type) -> Double {
    let (rows, inner, columns) = (1024, 1024, 2048)
    let x = [Element](repeating: Element(nearest: 0.5), count: rows * inner)
    let weight = [Element](repeating: Element(nearest: 0.25), count: columns * inner)
    var product = [Element](repeating: Element(nearest: 0), count: rows * columns)
    let flops = Double(FLOPs.matrixProduct(rows, columns, inner).count)
    var best = 0.0
    let first = ContinuousClock.now
    var count = 0
    while count < 3 || ContinuousClock.now - first < .milliseconds(160) {
      count += 1
      let start = ContinuousClock.now
      MatrixProduct.forward(
        x: x.span, weight: weight.span, rows: rows, input: inner, output: columns, into: product.mutableSpan)
      let (whole, fraction) = (ContinuousClock.now - start).components
      best = max(best, flops / (Double(whole) + Double(fraction) * 1e-18))
    }
    return best
  }
}
