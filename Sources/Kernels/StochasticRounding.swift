import CKernels

/// Rounding to bf16 that is right on average (Gupta and others 2015, <https://arxiv.org/abs/1502.02551>, section 3).
///
/// A number between two neighbors becomes the upper one as often as it is near it, so that updates far smaller than the
/// distance between neighbors add up over many steps instead of being lost in each.
public enum StochasticRounding {
  /// Fills `y` with numbers next to those of `x`, or equal to them where bf16 has them.
  ///
  /// Element i is decided by half a word of Philox under `seed` and `stream` alone: the same for any number of threads.
  ///
  /// - Parameter first: the index of the first element, a multiple of eight, where a tensor is rounded by pieces.
  public static func round(
    _ x: Span<Float>, into y: consuming MutableSpan<BFloat16>, seed: UInt64, stream: UInt64, first: Int = 0
  ) {
    expect("x", count: x.count, is: y.count)
    precondition(first % 8 == 0, "a piece begins at \(first), which is no multiple of eight")
    guard let source = x.address, let target = y.address else { return }
    let bits = UnsafeMutableRawPointer(target).assumingMemoryBound(to: UInt16.self)
    Parallelism.forEachRange(x.count, grain: Parallelism.elementGrain) { range in
      plk_round_stochastically(
        bits + range.lowerBound, source + range.lowerBound, seed, stream, Int64(first + range.lowerBound),
        Int64(range.count))
    }
  }
}
