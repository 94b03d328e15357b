import CKernels

/// Inverted dropout, scaled while training as in PyTorch, after Srivastava and others 2014.
public enum Dropout {
  /// Keeps each element with probability `1 − probability`, scaled by its reciprocal, and says in `mask` which.
  ///
  /// Element i is decided by word i of Philox under `seed` and `stream` alone: the same for any number of threads.
  public static func forward<X: Number>(
    x: Span<X>, probability: Float, seed: UInt64, stream: UInt64, into y: consuming MutableSpan<X>,
    mask: consuming MutableSpan<UInt8>
  ) {
    check(probability)
    expect("y", count: y.count, is: x.count)
    expect("mask", count: mask.count, is: x.count)
    guard let source = x.address, let target = y.address, let kept = mask.address else { return }
    Parallelism.forEachRange(x.count, grain: Parallelism.elementGrain) { range in
      let offset = range.lowerBound
      plk_dropout(
        target + offset, kept + offset, source + offset, probability, seed, stream, X.code, Int64(offset),
        Int64(range.count))
    }
  }

  /// Computes `dx (+)= mask ? dy / (1 − probability) : 0`.
  public static func backward<X: Number>(
    dy: Span<X>, mask: Span<UInt8>, probability: Float, accumulate: Bool, into dx: consuming MutableSpan<X>
  ) {
    check(probability)
    expect("mask", count: mask.count, is: dy.count)
    expect("dx", count: dx.count, is: dy.count)
    guard let source = dy.address, let kept = mask.address, let target = dx.address else { return }
    Parallelism.forEachRange(dy.count, grain: Parallelism.elementGrain) { range in
      let offset = range.lowerBound
      plk_dropout_gradient(
        target + offset, source + offset, kept + offset, probability, accumulate ? 1 : 0, X.code, Int64(range.count))
    }
  }

  private static func check(_ probability: Float) {
    precondition(probability >= 0 && probability < 1, "a dropout of \(probability) is not in 0 ..< 1")
  }
}
