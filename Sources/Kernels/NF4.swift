import CKernels

/// The 4-bit NormalFloat format, bit for bit as bitsandbytes stores it.
///
/// A block of weights is divided by its largest magnitude and each quotient replaced by the nearest of 16 levels, a tie
/// by the lower one. Two codes share a byte, the first in the high nibble.
///
/// - SeeAlso: Dettmers et al. 2023, <https://arxiv.org/abs/2305.14314>, section 3 and appendix E; bitsandbytes 0.50,
///   `functional.py`, `quantize_4bit`.
public enum NF4 {
  /// The 16 levels, ascending: appendix E of the paper.
  public static let code: [Float] = [
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
  ]

  /// The 256 values that a double-quantized scale may have, ascending, before it is scaled itself.
  public static let dynamicMap: [Float] = DynamicMap.signed()

  /// Scales that share one second-level scale.
  public static let scalesPerBlock = 256

  /// Quantizes `w` by blocks, the last of which may be shorter.
  ///
  /// - Parameters:
  ///   - packed: half as many bytes as `w` has elements, rounded up.
  ///   - absmax: one value a block.
  public static func quantize(
    _ w: Span<Float>, blockSize: Int = 64, intoPacked packed: consuming MutableSpan<UInt8>,
    absmax: consuming MutableSpan<Float>
  ) {
    check(packed: packed.count, blocks: absmax.count, count: w.count, blockSize: blockSize)
    guard let source = w.address, let bytes = packed.address, let scales = absmax.address else { return }
    let levels = code.span
    let code = levels.address
    Parallelism.forEachRange(w.count, grain: grain(blockSize)) { range in
      plk_nf4_quantize(
        bytes + range.lowerBound / 2, scales + range.lowerBound / blockSize, source + range.lowerBound, code,
        Int64(blockSize), Int64(range.count))
    }
  }

  /// Fills `w` with `count` weights, one scale a block.
  public static func dequantize(
    packed: Span<UInt8>, absmax: Span<Float>, count: Int, blockSize: Int = 64, into w: consuming MutableSpan<Float>
  ) {
    check(packed: packed.count, blocks: absmax.count, count: count, blockSize: blockSize)
    expect("w", count: w.count, is: count)
    guard let target = w.address, let bytes = packed.address, let scales = absmax.address else { return }
    let levels = code.span
    let code = levels.address
    Parallelism.forEachRange(count, grain: grain(blockSize)) { range in
      plk_nf4_dequantize(
        target + range.lowerBound, bytes + range.lowerBound / 2, scales + range.lowerBound / blockSize, code,
        Int64(blockSize), Int64(range.count))
    }
  }

  /// Fills `w` with `count` weights whose scales are quantized themselves.
  ///
  ///     scale = dynamicMap[absmaxCodes[block]] · absmax2[block / 256] + offset
  public static func dequantize(
    packed: Span<UInt8>, absmaxCodes: Span<UInt8>, absmax2: Span<Float>, offset: Float, count: Int,
    blockSize: Int = 64, into w: consuming MutableSpan<Float>
  ) {
    check(packed: packed.count, blocks: absmaxCodes.count, count: count, blockSize: blockSize)
    expect("absmax2", count: absmax2.count, is: (absmaxCodes.count + scalesPerBlock - 1) / scalesPerBlock)
    expect("w", count: w.count, is: count)
    guard let target = w.address, let bytes = packed.address, let scales = absmaxCodes.address else { return }
    let (levels, map) = (code.span, dynamicMap.span)
    let (codeAddress, mapAddress, scales2) = (levels.address, map.address, absmax2.address)
    Parallelism.forEachRange(count, grain: grain(blockSize)) { range in
      let firstBlock = range.lowerBound / blockSize
      plk_nf4_dequantize_double(
        target + range.lowerBound, bytes + range.lowerBound / 2, scales + firstBlock, scales2, offset, codeAddress,
        mapAddress, Int64(firstBlock), Int64(blockSize), Int64(range.count))
    }
  }

  private static func check(packed: Int, blocks: Int, count: Int, blockSize: Int) {
    precondition(blockSize > 0 && blockSize % 2 == 0, "a block of \(blockSize) elements does not fill whole bytes")
    expect("packed", count: packed, is: (count + 1) / 2)
    expect("absmax", count: blocks, is: (count + blockSize - 1) / blockSize)
  }

  /// Whole blocks to a task, about as many elements as for other kernels.
  private static func grain(_ blockSize: Int) -> Int {
    max(1, Parallelism.elementGrain / blockSize) * blockSize
  }
}
