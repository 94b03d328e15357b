import Bookkeeping
import Kernels
import Modeling

/// Hands every gradient to the optimizer at the end of the operation that made it whole, and gives it back.
///
/// So a step never holds the gradients of all parameters at once. What cannot be had with it is anything that needs all
/// of them together before the first is used: accumulation, and clipping to a common norm.
final class GradientConsumer {
  /// The table that is embedding and head in one: the embedding's contribution comes last.
  private let sharedTable: String?
  private var pending: [ParameterTensor] = []
  private var setting: Setting?
  private var sumOfSquares = 0.0

  private var failure: ArenaError?
  private unowned let arena: Arena

  private struct Setting {
    let update: ParameterUpdate
    let step: Int
    let learningRate: Double
    let roundingSeed: UInt64
  }

  init(sharedTable: String?, in arena: Arena) {
    self.sharedTable = sharedTable
    self.arena = arena
  }

  /// Consumes from now on; until then gradients stay open.
  func begin(_ update: ParameterUpdate, step: Int, learningRate: Double, roundingSeed: UInt64) {
    setting = Setting(update: update, step: step, learningRate: learningRate, roundingSeed: roundingSeed)
    sumOfSquares = 0
    failure = nil
  }

  /// Consumes no more.
  ///
  /// - Returns: the Euclidean norm of all gradients that were consumed together.
  /// - Throws: what an update ran into within backward.
  func finish() throws(ArenaError) -> Double {
    setting = nil
    if let failure { throw failure }
    return sumOfSquares.squareRoot()
  }

  /// A gradient was opened.
  func add(_ parameter: ParameterTensor) { pending.append(parameter) }

  /// Consumes what the operation of an instant has left whole.
  ///
  /// A gradient that is not finite changes nothing: the norm says so at the end of the step.
  func drain(after instant: StepClock.Instant) {
    guard let setting, !pending.isEmpty else { return }
    var waiting: [ParameterTensor] = []
    for parameter in pending where parameter.gradient.isOpen {
      if parameter.name == sharedTable, !instant.isEndOfBackward {
        waiting.append(parameter)
        continue
      }
      let squares = Elementwise.sumOfSquares(parameter.gradient.span)
      sumOfSquares += squares
      if squares.isFinite { update(parameter, setting) }
      parameter.gradient.close()
    }
    pending = waiting
  }

  private func update(_ parameter: ParameterTensor, _ setting: Setting) {
    do {
      try setting.update.apply(
        to: parameter, step: setting.step, learningRate: setting.learningRate, roundingSeed: setting.roundingSeed,
        in: arena)
    } catch { failure = error }
  }
}

extension StepClock.Instant {
  fileprivate var isEndOfBackward: Bool {
    if case .step(.backward, .embedding, _) = self { true } else { false }
  }
}
