/// The 8-bit dynamic tree data type: Dettmers 2016, <https://arxiv.org/abs/1511.04561>, section 2.2.
///
/// The farther from zero, the finer: decade e of seven, 10⁻⁶ to 1, is cut into equal parts whose midpoints are the values.
/// Signed, there are 2ᵉ parts and both signs; unsigned, 2ᵉ⁺¹ parts. Zero and one complete the 256.
public enum DynamicMap {
  /// The 256 values in ascending order, as `bitsandbytes.functional.create_dynamic_map(signed=True)` rounds them.
  public static func signed() -> [Float] {
    let magnitudes = midpoints { 1 << $0 }
    return ([0, 1] + magnitudes + magnitudes.map { -$0 }).sorted()
  }

  /// The 256 values in ascending order, as `bitsandbytes.functional.create_dynamic_map(signed=False)` rounds them.
  public static func unsigned() -> [Float] { ([0, 1] + midpoints { 2 << $0 }).sorted() }

  private static func midpoints(parts: (Int) -> Int) -> [Float] {
    // Powers of ten as PyTorch rounds them for a product with fp32: from their decimal form.
    [Float(1e-6), 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1].enumerated().flatMap { exponent, decade in
      let boundaries = evenly(from: 0.1, to: 1, count: parts(exponent) + 1)
      return zip(boundaries, boundaries.dropFirst()).map { decade * (($0 + $1) / 2) }
    }
  }

  /// Evenly spaced values as `torch.linspace` rounds them: fused steps from whichever end is nearer.
  private static func evenly(from start: Float, to end: Float, count: Int) -> [Float] {
    let step = (end - start) / Float(count - 1)
    return (0..<count).map { index in
      index < count / 2
        ? start.addingProduct(step, Float(index)) : end.addingProduct(-step, Float(count - 1 - index))
    }
  }
}
