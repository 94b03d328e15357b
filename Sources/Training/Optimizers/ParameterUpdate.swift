import Bookkeeping
import Kernels
import Modeling

/// Opens what an optimizer keeps of a parameter, and updates the parameter from its gradient.
struct ParameterUpdate {
  let optimizer: Optimizer
  var groups: [ParameterGroup] = []

  /// Opens the parameter's states, all zero.
  func open(for parameter: ParameterTensor, in arena: Arena) throws(ArenaError) {
    switch optimizer.kind {
    case .adamw8bit where parameter.shape.count >= BlockwiseAdamWKernel.leastElements:
      try parameter.quantizedFirst.open(
        TensorName.firstMoment(of: parameter.name), parameter.shape, in: arena)
      try parameter.quantizedSecond.open(
        TensorName.secondMoment(of: parameter.name), parameter.shape, in: arena)
    case .adamw, .adamw8bit:
      parameter.firstMoment = try arena.open(
        TensorName.firstMoment(of: parameter.name), .optimizerState, parameter.shape)
      parameter.secondMoment = try arena.open(
        TensorName.secondMoment(of: parameter.name), .optimizerState, parameter.shape)
      Elementwise.fill(parameter.firstMoment.mutableSpan, with: 0)
      Elementwise.fill(parameter.secondMoment.mutableSpan, with: 0)
    case .sgdMomentum:
      parameter.firstMoment = try arena.open(
        TensorName.momentum(of: parameter.name), .optimizerState, parameter.shape)
      Elementwise.fill(parameter.firstMoment.mutableSpan, with: 0)
    // The engine runs no other: see `ModelSpec.engineRefusal`.
    default: break
    }
  }

  /// Updates one parameter; `step` counts from 1.
  ///
  /// A parameter that no gradient reached stays as it is.
  ///
  /// - Parameters:
  ///   - learningRate: of this step, before the parameter's group has its say.
  ///   - gradientScale: what every gradient is multiplied with, for clipping.
  func apply(to parameter: ParameterTensor, step: Int, learningRate: Double, gradientScale: Float = 1) {
    guard parameter.gradient.isOpen else { return }
    let group = groups.first { $0.contains(parameter.name) }
    let learningRate = learningRate * (group?.learningRateFactor ?? 1)
    let weightDecay = group?.weightDecay ?? optimizer.weightDecay
    switch optimizer.kind {
    case .adamw8bit where parameter.quantizedFirst.codes.isOpen:
      BlockwiseAdamWKernel.update(
        weight: parameter.value.mutableSpan, gradient: parameter.gradient.span,
        firstCodes: parameter.quantizedFirst.codes.mutableSpan,
        firstAbsmax: parameter.quantizedFirst.absmax.mutableSpan,
        secondCodes: parameter.quantizedSecond.codes.mutableSpan,
        secondAbsmax: parameter.quantizedSecond.absmax.mutableSpan, learningRate: learningRate,
        beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon, weightDecay: weightDecay,
        step: step, gradientScale: gradientScale)
    case .adamw, .adamw8bit:
      AdamWKernel.update(
        weight: parameter.value.mutableSpan, gradient: parameter.gradient.span,
        firstMoment: parameter.firstMoment.mutableSpan, secondMoment: parameter.secondMoment.mutableSpan,
        learningRate: learningRate, beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon,
        weightDecay: weightDecay, step: step, gradientScale: gradientScale)
    case .sgdMomentum:
      SGDKernel.update(
        weight: parameter.value.mutableSpan, gradient: parameter.gradient.span,
        momentumBuffer: parameter.firstMoment.mutableSpan, learningRate: learningRate,
        momentum: optimizer.momentum, weightDecay: weightDecay, gradientScale: gradientScale)
    default:
      SGDKernel.update(
        weight: parameter.value.mutableSpan, gradient: parameter.gradient.span, learningRate: learningRate,
        weightDecay: weightDecay, gradientScale: gradientScale)
    }
  }
}
