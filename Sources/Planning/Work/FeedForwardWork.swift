import Bookkeeping
import Modeling

// Shape letters here: T tokens, H hidden, I intermediate, E experts, a experts a token visits.

extension StepWork {
  /// The feed-forward network, or the experts that tokens really visit.
  mutating func feedForward(_ needs: LayerGradients, _ phase: WorkSheet.Phase) {
    if let experts = spec.feedForward.experts {
      mixture(experts, needs, phase)
      return
    }
    for role in spec.feedForwardRoles {
      let inputNeedsGradient = role == .down ? needs.product : needs.mlpNormed
      linear(role, phase, inputNeedsGradient: inputNeedsGradient, isTrained: needs.trained.contains(role))
    }
    activation(rows: tokens, width: spec.feedForward.intermediateSize, needs, phase)
  }

  /// A router `[E, H]` for every token and a experts for each: T·a rows in all, however they are spread.
  private mutating func mixture(
    _ experts: FeedForwardSpec.Experts, _ needs: LayerGradients, _ phase: WorkSheet.Phase
  ) {
    product(
      "router", phase, rows: tokens, input: hidden, output: experts.count, inputNeedsGradient: needs.mlpNormed)
    let rows = tokens * experts.active
    let inner = experts.intermediateSize
    for role in spec.feedForwardRoles {
      let width = role == .gateUp ? 2 * inner : inner
      let (input, output) = role == .down ? (inner, hidden) : (hidden, width)
      let inputNeedsGradient = role == .down ? needs.product : needs.mlpNormed
      product(
        "expert " + role.rawValue, phase, rows: rows, input: input, output: output,
        inputNeedsGradient: inputNeedsGradient)
      // With many tokens every expert has some.
      dequantization(
        phase, min(experts.count, rows) * input * output, inputNeedsGradient: inputNeedsGradient)
    }
    activation(rows: rows, width: inner, needs, phase)
  }

  private mutating func activation(rows: Int, width: Int, _ needs: LayerGradients, _ phase: WorkSheet.Phase) {
    guard phase != .backward || needs.product else { return }
    let cost =
      phase == .backward
      ? ElementCost.activationBackward(spec.feedForward) : ElementCost.activation(spec.feedForward)
    book.elements(spec.feedForward.activation.rawValue, phase, .weightless, rows * width, cost: cost)
  }
}
