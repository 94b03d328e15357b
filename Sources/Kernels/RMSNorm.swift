import CKernels

/// Root mean square normalization: Zhang and Sennrich 2019, <https://arxiv.org/abs/1910.07467>, equation 4.
///
/// Concretely `normed = weight · x · r` with `r = 1 / √(mean(x²) + ε)` over each row.
public enum RMSNorm {
  /// Normalizes the rows of `x[rows, width]` and keeps each row's `r`.
  public static func forward<X: Number, W: Number>(
    x: Span<X>, weight: Span<W>, epsilon: Float, rows: Int, width: Int,
    into normed: consuming MutableSpan<X>, reciprocalRMS: consuming MutableSpan<Float>
  ) {
    expect("x", count: x.count, is: rows * width)
    expect("weight", count: weight.count, is: width)
    expect("normed", count: normed.count, is: rows * width)
    expect("reciprocalRMS", count: reciprocalRMS.count, is: rows)
    guard let y = normed.address, let r = reciprocalRMS.address, let source = x.address else { return }
    let scale = weight.address
    Parallelism.forEachRange(rows, grain: Parallelism.rows(ofWidth: width)) { range in
      let offset = range.lowerBound * width
      plk_rms_norm(
        y + offset, r + range.lowerBound, source + offset, scale, epsilon, X.code, W.code, Int64(range.count),
        Int64(width))
    }
  }

  /// Computes `dx (+)= r · (w·dy − x · r² · mean(x·w·dy))`.
  ///
  /// With `accumulate`, the gradient is added to what the residual connection already left in `dx`.
  public static func inputGradient<X: Number, W: Number>(
    dNormed: Span<X>, x: Span<X>, reciprocalRMS: Span<Float>, weight: Span<W>, rows: Int, width: Int,
    accumulate: Bool, into dx: consuming MutableSpan<X>
  ) {
    expect("dNormed", count: dNormed.count, is: rows * width)
    expect("x", count: x.count, is: rows * width)
    expect("reciprocalRMS", count: reciprocalRMS.count, is: rows)
    expect("weight", count: weight.count, is: width)
    expect("dx", count: dx.count, is: rows * width)
    guard let dy = dNormed.address, let source = x.address, let r = reciprocalRMS.address, let target = dx.address
    else { return }
    let scale = weight.address
    Parallelism.forEachRange(rows, grain: Parallelism.rows(ofWidth: width)) { range in
      let offset = range.lowerBound * width
      plk_rms_norm_input_gradient(
        target + offset, dy + offset, source + offset, r + range.lowerBound, scale, accumulate ? 1 : 0,
        X.code, W.code, Int64(range.count), Int64(width))
    }
  }

  /// Computes `dWeight[j] (+)= Σ dNormed · x · r` over the rows.
  public static func weightGradient<X: Number>(
    dNormed: Span<X>, x: Span<X>, reciprocalRMS: Span<Float>, rows: Int, width: Int, accumulate: Bool,
    into dWeight: consuming MutableSpan<Float>
  ) {
    expect("dNormed", count: dNormed.count, is: rows * width)
    expect("x", count: x.count, is: rows * width)
    expect("reciprocalRMS", count: reciprocalRMS.count, is: rows)
    expect("dWeight", count: dWeight.count, is: width)
    guard let target = dWeight.address else { return }
    ColumnSum.run(
      dNormed.address, x.address, rowScale: reciprocalRMS.address, rows: rows, width: width, accumulate: accumulate,
      into: target)
  }
}
