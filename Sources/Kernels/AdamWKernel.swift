import CKernels

/// AdamW: Loshchilov and Hutter 2019, <https://arxiv.org/abs/1711.05101>, algorithm 2.
public enum AdamWKernel {
  /// Updates `weight` and both moments in place, in the order of `torch.optim.AdamW`'s single-tensor path.
  ///
  /// The decay comes first and is decoupled; `denominator = √v / √(1 − β₂ᵗ) + ε`; the step is `lr / (1 − β₁ᵗ)`. What
  /// depends on the step alone is computed in double precision. All processors compute the same bits.
  ///
  /// - Parameters:
  ///   - step: t, counted from one.
  ///   - gradientScale: a factor on every gradient, such as clipping's.
  public static func update(
    weight: consuming MutableSpan<Float>, gradient: Span<Float>, firstMoment: consuming MutableSpan<Float>,
    secondMoment: consuming MutableSpan<Float>, learningRate: Double, beta1: Double, beta2: Double, epsilon: Double,
    weightDecay: Double, step: Int, gradientScale: Float = 1
  ) {
    precondition(step >= 1, "steps count from one, not from \(step)")
    expect("gradient", count: gradient.count, is: weight.count)
    expect("firstMoment", count: firstMoment.count, is: weight.count)
    expect("secondMoment", count: secondMoment.count, is: weight.count)
    guard let w = weight.address, let g = gradient.address, let m = firstMoment.address, let v = secondMoment.address
    else { return }
    let correction1 = 1 - plk_power(beta1, Int64(step))
    let correction2 = 1 - plk_power(beta2, Int64(step))
    Parallelism.forEachRange(gradient.count, grain: Parallelism.elementGrain) { range in
      let offset = range.lowerBound
      plk_adamw(
        w + offset, m + offset, v + offset, g + offset, gradientScale, Float(1 - learningRate * weightDecay),
        Float(1 - beta1), Float(beta2), Float(1 - beta2), Float(correction2.squareRoot()), Float(epsilon),
        Float(learningRate / correction1), Int64(range.count))
    }
  }
}
