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
  ///   - roundingSeed: what numbers of a weight in bf16 are rounded by, another one in every step.
  func apply(
    to parameter: ParameterTensor, step: Int, learningRate: Double, gradientScale: Float = 1, roundingSeed: UInt64,
    in arena: Arena
  ) throws(ArenaError) {
    guard parameter.gradient.isOpen else { return }
    let group = groups.first { $0.contains(parameter.name) }
    let hyper = Hyperparameters(
      step: step, learningRate: learningRate * (group?.learningRateFactor ?? 1),
      weightDecay: group?.weightDecay ?? optimizer.weightDecay, gradientScale: gradientScale)
    guard parameter.format == .bf16 else {
      return update(parameter.value.mutableSpan, of: parameter, 0..<parameter.shape.count, hyper)
    }
    try updateRounding(parameter, hyper, seed: roundingSeed, in: arena)
  }

  /// What an update depends on beside the parameter.
  private struct Hyperparameters {
    let step: Int
    let learningRate: Double
    let weightDecay: Double
    let gradientScale: Float
  }

  /// Elements of a weight in bf16 that are in fp32 at once: whole blocks of every optimizer's states, a megabyte.
  private static let pieceElements = 1 << 18

  /// Updates a weight in bf16 without a copy of it in fp32: piece by piece it is widened, updated, and rounded at random
  /// to one of its two neighbors.
  private func updateRounding(
    _ parameter: ParameterTensor, _ hyper: Hyperparameters, seed: UInt64, in arena: Arena
  ) throws(ArenaError) {
    let count = parameter.shape.count
    let stream = streamNumber(of: parameter.name)
    var piece: Tensor<Float> = try arena.open(
      TensorName.widened(parameter.name), .workspace, [min(count, ParameterUpdate.pieceElements)])
    for start in stride(from: 0, to: count, by: ParameterUpdate.pieceElements) {
      let range = start..<min(start + ParameterUpdate.pieceElements, count)
      Elementwise.copy(
        parameter.narrowValue.span.extracting(range), to: piece.mutableSpan._consumingExtracting(0..<range.count))
      update(piece.mutableSpan._consumingExtracting(0..<range.count), of: parameter, range, hyper)
      StochasticRounding.round(
        piece.span.extracting(0..<range.count), into: parameter.narrowValue.mutableSpan._consumingExtracting(range),
        seed: seed, stream: stream, first: start)
    }
    piece.close()
  }

  /// Updates the part `range` of a parameter, whose numbers are in `weight`.
  private func update(
    _ weight: consuming MutableSpan<Float>, of parameter: ParameterTensor, _ range: Range<Int>,
    _ hyper: Hyperparameters
  ) {
    let gradient = parameter.gradient.span.extracting(range)
    switch optimizer.kind {
    case .adamw8bit where parameter.quantizedFirst.codes.isOpen:
      BlockwiseAdamWKernel.update(
        weight: weight, gradient: gradient,
        firstCodes: parameter.quantizedFirst.codes.mutableSpan._consumingExtracting(range),
        firstAbsmax: parameter.quantizedFirst.absmax.mutableSpan._consumingExtracting(
          QuantizedMoment.scales(of: range)),
        secondCodes: parameter.quantizedSecond.codes.mutableSpan._consumingExtracting(range),
        secondAbsmax: parameter.quantizedSecond.absmax.mutableSpan._consumingExtracting(
          QuantizedMoment.scales(of: range)),
        learningRate: hyper.learningRate, beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon,
        weightDecay: hyper.weightDecay, step: hyper.step, gradientScale: hyper.gradientScale)
    case .adamw, .adamw8bit:
      AdamWKernel.update(
        weight: weight, gradient: gradient,
        firstMoment: parameter.firstMoment.mutableSpan._consumingExtracting(range),
        secondMoment: parameter.secondMoment.mutableSpan._consumingExtracting(range),
        learningRate: hyper.learningRate, beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon,
        weightDecay: hyper.weightDecay, step: hyper.step, gradientScale: hyper.gradientScale)
    case .sgdMomentum:
      SGDKernel.update(
        weight: weight, gradient: gradient,
        momentumBuffer: parameter.firstMoment.mutableSpan._consumingExtracting(range),
        learningRate: hyper.learningRate, momentum: optimizer.momentum, weightDecay: hyper.weightDecay,
        gradientScale: hyper.gradientScale)
    default:
      SGDKernel.update(
        weight: weight, gradient: gradient, learningRate: hyper.learningRate, weightDecay: hyper.weightDecay,
        gradientScale: hyper.gradientScale)
    }
  }
}
