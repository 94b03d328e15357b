/// The 8-bit dynamic tree data type: Dettmers 2016, <https://arxiv.org/abs/1511.04561>, section 2.2.
///
/// The farther from zero, the finer: decade e of seven, 10⁻⁶ to 1, is cut into 2ᵉ parts whose midpoints are the values,
/// with both signs; zero and one complete the 256.
enum DynamicMap {
  /// The 256 values in ascending order, as `bitsandbytes.functional.create_dynamic_map(signed=True)` rounds them.
  static func signed() -> [Float] {
    var values: [Float] = [0, 1]
    // Powers of ten as PyTorch rounds them for a product with fp32: from their decimal form.
    for (exponent, decade) in [Float(1e-6), 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1].enumerated() {
      let boundaries = evenly(from: 0.1, to: 1, count: 1 << exponent + 1)
      for (low, high) in zip(boundaries, boundaries.dropFirst()) {
        let value = decade * ((low + high) / 2)
        values += [value, -value]
      }
    }
    return values.sorted()
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
