import CKernels

/// Stochastic gradient descent, with PyTorch's momentum: the learning rate multiplies the buffer, not what enters it.
public enum SGDKernel {
  /// Updates `weight` in place, in the order of `torch.optim.SGD`'s single-tensor path.
  public static func update(
    weight: consuming MutableSpan<Float>, gradient: Span<Float>, learningRate: Double, weightDecay: Double = 0,
    gradientScale: Float = 1
  ) {
    expect("gradient", count: gradient.count, is: weight.count)
    guard let w = weight.address, let g = gradient.address else { return }
    Parallelism.forEachRange(gradient.count, grain: Parallelism.elementGrain) { range in
      let offset = range.lowerBound
      plk_sgd(
        w + offset, nil, g + offset, gradientScale, Float(learningRate), 0, Float(weightDecay), 0, Int64(range.count))
    }
  }

  /// Updates `weight` and `momentumBuffer` in place.
  ///
  /// - Parameter momentumBuffer: zero before the first step, which is then PyTorch's: dampening is zero.
  public static func update(
    weight: consuming MutableSpan<Float>, gradient: Span<Float>, momentumBuffer: consuming MutableSpan<Float>,
    learningRate: Double, momentum: Double, weightDecay: Double = 0, nesterov: Bool = false, gradientScale: Float = 1
  ) {
    expect("gradient", count: gradient.count, is: weight.count)
    expect("momentumBuffer", count: momentumBuffer.count, is: weight.count)
    guard let w = weight.address, let g = gradient.address, let b = momentumBuffer.address else { return }
    Parallelism.forEachRange(gradient.count, grain: Parallelism.elementGrain) { range in
      let offset = range.lowerBound
      plk_sgd(
        w + offset, b + offset, g + offset, gradientScale, Float(learningRate), Float(momentum), Float(weightDecay),
        nesterov ? 1 : 0, Int64(range.count))
    }
  }
}
