import CKernels

/// AdamW with both moments in 8 bits, by blocks.
///
/// Dettmers and others 2022, <https://arxiv.org/abs/2110.02861>. A moment is codes of a dynamic map and the largest magnitude of every 256 elements. An update makes it whole, moves
/// it, uses it, and quantizes it again by its new largest magnitude, each element to the nearest value.
///
/// - SeeAlso: bitsandbytes 0.50, `backends/triton/kernels_optim.py`, `optimizer_update_8bit_blockwise_pytorch`, whose
///   order of operations this is. (Its CUDA kernel decays weights after the step, which differs by lr²·decay.)
public enum BlockwiseAdamWKernel {
  /// Elements that share a scale: 256 since bitsandbytes 0.44.
  public static let blockElements = Int(PLK_MOMENT_BLOCK)
  /// Parameters with fewer elements keep their moments in fp32 (`bitsandbytes.optim`, `min_8bit_size`).
  public static let leastElements = 4096

  /// Updates `weight` and both moments in place.
  ///
  /// All processors compute the same bits.
  ///
  /// - Parameters:
  ///   - firstCodes: indices into ``DynamicMap/signed()``, one an element; any, where the scales are zero.
  ///   - firstAbsmax: one value for every ``blockElements``.
  ///   - secondCodes: indices into ``DynamicMap/unsigned()``.
  ///   - step: t, counted from one.
  ///   - gradientScale: a factor on every gradient, such as clipping's.
  public static func update(
    weight: consuming MutableSpan<Float>, gradient: Span<Float>, firstCodes: consuming MutableSpan<UInt8>,
    firstAbsmax: consuming MutableSpan<Float>, secondCodes: consuming MutableSpan<UInt8>,
    secondAbsmax: consuming MutableSpan<Float>, learningRate: Double, beta1: Double, beta2: Double, epsilon: Double,
    weightDecay: Double, step: Int, gradientScale: Float = 1
  ) {
    precondition(step >= 1, "steps count from one, not from \(step)")
    let count = gradient.count
    let blocks = (count + blockElements - 1) / blockElements
    expect("weight", count: weight.count, is: count)
    expect("firstCodes", count: firstCodes.count, is: count)
    expect("secondCodes", count: secondCodes.count, is: count)
    expect("firstAbsmax", count: firstAbsmax.count, is: blocks)
    expect("secondAbsmax", count: secondAbsmax.count, is: blocks)
    guard let w = weight.address, let g = gradient.address, let c1 = firstCodes.address, let s1 = firstAbsmax.address,
      let c2 = secondCodes.address, let s2 = secondAbsmax.address
    else { return }
    let correction1 = 1 - plk_power(beta1, Int64(step))
    let correction2 = 1 - plk_power(beta2, Int64(step))
    signedMap.withMap { first in
      unsignedMap.withMap { second in
        Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
          let offset = range.lowerBound
          let block = offset / blockElements
          plk_adamw_8bit(
            w + offset, g + offset, c1 + offset, s1 + block, first, c2 + offset, s2 + block, second, gradientScale,
            Float(1 - learningRate * weightDecay), Float(beta1), Float(1 - beta1), Float(beta2), Float(1 - beta2),
            Float(correction2.squareRoot()), Float(epsilon), Float(learningRate / correction1), Int64(range.count))
        }
      }
    }
  }

  private static let signedMap = QuantizationTables(DynamicMap.signed(), magnitudesFrom: Int(PLK_SIGNED_ZERO))
  private static let unsignedMap = QuantizationTables(DynamicMap.unsigned(), magnitudesFrom: 0)
}

/// A dynamic map with the tables that find its nearest value to a number.
struct QuantizationTables {
  let values: [Float]
  /// Between neighboring magnitudes; infinity after the last.
  let midpoints: [Float]
  /// For each bucket of magnitudes, how many midpoints are below its least element.
  let buckets: [Int32]

  init(_ values: [Float], magnitudesFrom zero: Int) {
    self.values = values
    let magnitudes = values[zero...]
    midpoints = zip(magnitudes, magnitudes.dropFirst()).map { ($0 + $1) * 0.5 } + [.infinity]
    var level = 0
    var buckets: [Int32] = []
    for bucket in 0..<Int(PLK_BUCKETS) {
      let least = Float(bitPattern: UInt32(bucket + Int(PLK_FIRST_BUCKET)) << UInt32(PLK_BUCKET_SHIFT))
      // The first bucket reaches down to zero.
      while bucket > 0, least > midpoints[level] { level += 1 }
      buckets.append(Int32(level))
    }
    self.buckets = buckets
  }

  func withMap(_ body: (UnsafePointer<plk_dynamic_map>) -> Void) {
    values.withUnsafeBufferPointer { values in
      midpoints.withUnsafeBufferPointer { midpoints in
        buckets.withUnsafeBufferPointer { buckets in
          var map = plk_dynamic_map(
            values: values.baseAddress, midpoints: midpoints.baseAddress, buckets: buckets.baseAddress)
          body(&map)
        }
      }
    }
  }
}
