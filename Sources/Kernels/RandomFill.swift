import CKernels

/// Random initial values that depend on seed, stream and index alone, never on the number of threads.
///
/// Philox4x32-10: Salmon et al. 2011, <https://doi.org/10.1145/2063384.2063405>.
public enum RandomFill {
  /// Fills `y` with normally distributed values, by the transform of Box and Muller 1958 in double precision.
  public static func normal<Y: Number>(
    mean: Float = 0, standardDeviation: Float, seed: UInt64, stream: UInt64, into y: consuming MutableSpan<Y>
  ) {
    let count = y.count
    guard let target = y.address else { return }
    Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
      plk_random_normal(
        target + range.lowerBound, mean, standardDeviation, seed, stream, Y.code, Int64(range.lowerBound),
        Int64(range.count))
    }
  }

  /// Fills `y` with values uniform in `low ..< high`.
  public static func uniform<Y: Number>(
    low: Float, high: Float, seed: UInt64, stream: UInt64, into y: consuming MutableSpan<Y>
  ) {
    precondition(low < high, "the range \(low) ..< \(high) is empty")
    let count = y.count
    guard let target = y.address else { return }
    Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
      plk_random_uniform(
        target + range.lowerBound, low, high, seed, stream, Y.code, Int64(range.lowerBound), Int64(range.count))
    }
  }
}
