import CKernels

/// Between fp32 and the bytes of floating-point numbers as files store them: little-endian, aligned or not.
public enum FloatConversion {
  /// Fills `y` from IEEE single-precision numbers, four bytes each.
  public static func float32(_ bytes: Span<UInt8>, into y: consuming MutableSpan<Float>) {
    let count = y.count
    expect("bytes", count: bytes.count, is: 4 * count)
    guard let source = bytes.address, let target = y.address else { return }
    Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
      UnsafeMutableRawPointer(target + range.lowerBound).copyMemory(
        from: source + 4 * range.lowerBound, byteCount: 4 * range.count)
    }
  }

  /// Fills `y` from IEEE halves, two bytes each: exact.
  public static func float16(_ bytes: Span<UInt8>, into y: consuming MutableSpan<Float>) {
    let count = y.count
    expect("bytes", count: bytes.count, is: 2 * count)
    guard let source = bytes.address, let target = y.address else { return }
    Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
      plk_widen_float16(target + range.lowerBound, source + 2 * range.lowerBound, Int64(range.count))
    }
  }

  /// Fills `y` from bfloat16 numbers, two bytes each: exact.
  public static func bfloat16(_ bytes: Span<UInt8>, into y: consuming MutableSpan<Float>) {
    let count = y.count
    expect("bytes", count: bytes.count, is: 2 * count)
    guard let source = bytes.address, let target = y.address else { return }
    Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
      plk_widen_bfloat16(target + range.lowerBound, source + 2 * range.lowerBound, Int64(range.count))
    }
  }

  /// Fills `y` with the bits of the halves nearest to `x`, ties to even; what is too large becomes infinity.
  public static func narrowToFloat16(_ x: Span<Float>, into y: consuming MutableSpan<UInt16>) {
    let count = y.count
    expect("x", count: x.count, is: count)
    guard let source = x.address, let target = y.address else { return }
    Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
      plk_narrow_float16(target + range.lowerBound, source + range.lowerBound, Int64(range.count))
    }
  }

  /// Fills `y` with the bits of the bfloat16 numbers nearest to `x`, ties to even.
  public static func narrowToBFloat16(_ x: Span<Float>, into y: consuming MutableSpan<UInt16>) {
    let count = y.count
    expect("x", count: x.count, is: count)
    guard let source = x.address, let target = y.address else { return }
    Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
      plk_narrow_bfloat16(target + range.lowerBound, source + range.lowerBound, Int64(range.count))
    }
  }

  /// Has `body` fill `values` in fp32: in their place, or piece by piece through a small buffer from which they are
  /// rounded.
  ///
  /// - Parameters:
  ///   - multiple: what pieces are multiples of, but for the last.
  ///   - body: is given a range of the elements and room for their numbers.
  public static func rounding<W: Number>(
    into values: consuming MutableSpan<W>, multipleOf multiple: Int,
    _ body: (Range<Int>, consuming MutableSpan<Float>) -> Void
  ) {
    let count = values.count
    guard let target = values.address else { return }
    if W.format == .fp32 {
      let numbers = UnsafeMutableRawPointer(target).assumingMemoryBound(to: Float.self)
      return body(0..<count, UnsafeMutableBufferPointer(start: numbers, count: count).mutableSpan)
    }
    let pieceElements = (1 << 16 + multiple - 1) / multiple * multiple
    var piece = [Float](repeating: 0, count: min(pieceElements, count))
    for start in stride(from: 0, to: count, by: pieceElements) {
      let range = start..<min(start + pieceElements, count)
      if range.count < piece.count { piece.removeLast(piece.count - range.count) }
      body(range, piece.mutableSpan)
      Elementwise.copy(
        piece.span, to: UnsafeMutableBufferPointer(start: target + start, count: range.count).mutableSpan)
    }
  }

  /// Fills `y` with numbers that are stored in its own format.
  public static func copy<Y: Number>(_ bytes: Span<UInt8>, into y: consuming MutableSpan<Y>) {
    let size = MemoryLayout<Y>.stride
    let count = y.count
    expect("bytes", count: bytes.count, is: size * count)
    guard let source = bytes.address, let target = y.address else { return }
    Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
      UnsafeMutableRawPointer(target + range.lowerBound).copyMemory(
        from: source + size * range.lowerBound, byteCount: size * range.count)
    }
  }

  /// The first element that is infinite or not a number.
  public static func firstNonFinite<X: Number>(_ x: Span<X>) -> Int? {
    guard let source = x.address, plk_has_nonfinite(source, X.code, Int64(x.count)) != 0 else { return nil }
    return (0..<x.count).first { !x[$0].single.isFinite }
  }
}
