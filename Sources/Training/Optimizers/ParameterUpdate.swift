import Bookkeeping
import Kernels
import Modeling

/// Opens what an optimizer keeps of a parameter, and updates the parameter from its gradient.
struct ParameterUpdate {
  let optimizer: Optimizer

  /// Opens the parameter's states, all zero.
  func open(for parameter: ParameterTensor, in arena: Arena) throws(ArenaError) {
    switch optimizer.kind {
    case .adamw:
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
    case .sgd, .adamw8bit, .pagedAdamw, .pagedAdamw8bit, .adafactor, .lion: break
    }
  }

  /// Updates one parameter; `step` counts from 1.
  ///
  /// A parameter that no gradient reached stays as it is.
  func apply(to parameter: ParameterTensor, step: Int, learningRate: Double) {
    guard parameter.gradient.isOpen else { return }
    switch optimizer.kind {
    case .adamw:
      AdamWKernel.update(
        weight: parameter.value.mutableSpan, gradient: parameter.gradient.span,
        firstMoment: parameter.firstMoment.mutableSpan, secondMoment: parameter.secondMoment.mutableSpan,
        learningRate: learningRate, beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon,
        weightDecay: optimizer.weightDecay, step: step)
    case .sgdMomentum:
      SGDKernel.update(
        weight: parameter.value.mutableSpan, gradient: parameter.gradient.span,
        momentumBuffer: parameter.firstMoment.mutableSpan, learningRate: learningRate,
        momentum: optimizer.momentum, weightDecay: optimizer.weightDecay)
    case .sgd, .adamw8bit, .pagedAdamw, .pagedAdamw8bit, .adafactor, .lion:
      SGDKernel.update(
        weight: parameter.value.mutableSpan, gradient: parameter.gradient.span, learningRate: learningRate,
        weightDecay: optimizer.weightDecay)
    }
  }
}
