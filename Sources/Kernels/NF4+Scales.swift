// Double quantization: the scales of NF4 blocks, quantized to 8 bits.

extension NF4 {
  /// Quantizes scales to 8 bits, by blocks of 256, after taking their mean off.
  ///
  /// What the mean's last bit is depends on the order of its sum: PyTorch's, on one thread.
  ///
  /// - Parameters:
  ///   - codes: indices into ``dynamicMap``, one a scale.
  ///   - absmax2: one value for every 256 scales.
  /// - Returns: the mean, which is the offset of every scale.
  public static func quantizeAbsmax(
    _ absmax: Span<Float>, into codes: consuming MutableSpan<UInt8>, absmax2: consuming MutableSpan<Float>
  ) -> Float {
    let count = absmax.count
    expect("codes", count: codes.count, is: count)
    expect("absmax2", count: absmax2.count, is: (count + scalesPerBlock - 1) / scalesPerBlock)
    guard count > 0 else { return 0 }
    let offset = CascadeSum.of(absmax) / Float(count)
    let grid = quantizationGrid
    for block in absmax2.indices {
      let range = block * scalesPerBlock..<min(count, (block + 1) * scalesPerBlock)
      let largest = range.reduce(Float(0)) { max($0, abs(absmax[$1] - offset)) }
      absmax2[block] = largest
      let factor = 1 / largest
      for i in range {
        codes[i] = largest == 0 ? 0 : grid[gridIndex((absmax[i] - offset) * factor)]
      }
    }
    return offset
  }

  /// Brings the scales back: `absmax = dynamicMap[code] · absmax2[i / 256] + offset`.
  public static func dequantizeAbsmax(
    codes: Span<UInt8>, absmax2: Span<Float>, offset: Float, into absmax: consuming MutableSpan<Float>
  ) {
    expect("absmax", count: absmax.count, is: codes.count)
    expect("absmax2", count: absmax2.count, is: (codes.count + scalesPerBlock - 1) / scalesPerBlock)
    let map = dynamicMap
    for i in codes.indices {
      absmax[i] = map[Int(codes[i])] * absmax2[i / scalesPerBlock] + offset
    }
  }

  /// The last index of the grid over [-1, 1] that 8-bit quantization goes through.
  private static let lastGridIndex = 65535

  /// The code of every grid point.
  ///
  /// bitsandbytes' processor path looks the nearest code up by the nearest of 65536 grid points rather than by the value
  /// itself, so near a midpoint the farther code may win; to agree with it to the bit, so does this.
  private static let quantizationGrid: [UInt8] = {
    let map = dynamicMap
    var code = 0
    return (0...lastGridIndex).map { index in
      let value = Float(2 * index) / Float(lastGridIndex) - 1
      while code < map.count - 1, value > (map[code] + map[code + 1]) * 0.5 { code += 1 }
      return UInt8(code)
    }
  }()

  /// The grid point nearest to a value, with the rounding of a fused multiply-add.
  private static func gridIndex(_ value: Float) -> Int {
    let clamped = min(max(value, -1), 1)
    return Int(Float(0.5).addingProduct((clamped + 1) * 0.5, Float(lastGridIndex)))
  }
}
