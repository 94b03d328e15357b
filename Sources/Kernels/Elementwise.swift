import CKernels

/// Arithmetic without shape.
public enum Elementwise {
  /// Adds `x` to `y`.
  public static func add<X: Number, Y: Number>(_ x: Span<X>, to y: consuming MutableSpan<Y>) {
    addScaled(x, 1, to: y)
  }

  /// Adds `scale · x` to `y`.
  public static func addScaled<X: Number, Y: Number>(
    _ x: Span<X>, _ scale: Float, to y: consuming MutableSpan<Y>
  ) {
    expect("x", count: x.count, is: y.count)
    let count = y.count
    guard let source = x.address, let target = y.address else { return }
    Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
      plk_add_scaled(
        target + range.lowerBound, source + range.lowerBound, scale, Y.code, X.code, Int64(range.count))
    }
  }

  /// Sets every element of `y` to `value`.
  public static func fill<Y: Number>(_ y: consuming MutableSpan<Y>, with value: Float) {
    let count = y.count
    guard let target = y.address else { return }
    Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
      plk_fill(target + range.lowerBound, value, Y.code, Int64(range.count))
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

  /// Copies `x` over `y`, rounding to the nearest number where `y` is narrower.
  public static func copy<X: Number, Y: Number>(_ x: Span<X>, to y: consuming MutableSpan<Y>) {
    expect("x", count: x.count, is: y.count)
    let count = y.count
    guard let source = x.address, let target = y.address else { return }
    Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
      convert(source + range.lowerBound, to: target + range.lowerBound, count: range.count)
    }
  }

  /// Copies on the calling thread.
  static func convert<X: Number, Y: Number>(
    _ x: UnsafePointer<X>, to y: UnsafeMutablePointer<Y>, count: Int
  ) {
    if X.format == Y.format {
      UnsafeMutableRawPointer(y).copyMemory(from: x, byteCount: count * MemoryLayout<X>.stride)
    } else {
      plk_convert(y, x, Y.code, X.code, Int64(count))
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
