import CKernels

/// Arithmetic without shape.
public enum Elementwise {
  /// Adds `x` to `y`.
  public static func add(_ x: Span<Float>, to y: consuming MutableSpan<Float>) {
    addScaled(x, 1, to: y)
  }

  /// Adds `scale · x` to `y`.
  public static func addScaled(_ x: Span<Float>, _ scale: Float, to y: consuming MutableSpan<Float>) {
    expect("x", count: x.count, is: y.count)
    let count = y.count
    guard let source = x.address, let target = y.address else { return }
    Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
      plk_add_scaled(target + range.lowerBound, source + range.lowerBound, scale, Int64(range.count))
    }
  }

  /// Sets every element of `y` to `value`.
  public static func fill(_ y: consuming MutableSpan<Float>, with value: Float) {
    let count = y.count
    guard let target = y.address else { return }
    Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
      plk_fill(target + range.lowerBound, value, Int64(range.count))
    }
  }

  /// Sets every byte of `y` to zero.
  public static func zero(_ y: consuming MutableSpan<UInt8>) {
    let count = y.count
    guard let target = y.address else { return }
    Parallelism.forEachRange(count, grain: 4 * Parallelism.elementGrain) { range in
      (target + range.lowerBound).update(repeating: 0, count: range.count)
    }
  }

  /// Copies the bytes of `x` over `y`.
  public static func copy(_ x: Span<UInt8>, to y: consuming MutableSpan<UInt8>) {
    expect("x", count: x.count, is: y.count)
    guard let source = x.address, let target = y.address else { return }
    target.update(from: source, count: x.count)
  }

  /// Copies `x` over `y`.
  public static func copy(_ x: Span<Float>, to y: consuming MutableSpan<Float>) {
    expect("x", count: x.count, is: y.count)
    let count = y.count
    guard let source = x.address, let target = y.address else { return }
    Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
      (target + range.lowerBound).update(from: source + range.lowerBound, count: range.count)
    }
  }

  /// The sum of the squares of `x`, in double precision and the same for any number of threads.
  public static func sumOfSquares(_ x: Span<Float>) -> Double {
    guard let source = x.address else { return 0 }
    let count = x.count
    let grain = Parallelism.elementGrain
    let parts = (count + grain - 1) / grain
    return withUnsafeTemporaryAllocation(of: Double.self, capacity: parts) { sums in
      guard let sums = sums.baseAddress else { return 0 }
      Parallelism.forEachRange(count, grain: grain) { range in
        (sums + range.lowerBound / grain).initialize(
          to: plk_sum_of_squares(source + range.lowerBound, Int64(range.count)))
      }
      return (0..<parts).reduce(0) { $0 + sums[$1] }
    }
  }
}
