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
      linear(role, phase, inputNeedsGradient: inputNeedsGradient, needs.training)
    }
    activation(rows: tokens, width: spec.feedForward.intermediateSize, needs, phase)
  }

  /// A router `[E, H]` for every token and a experts for each: T·a rows in all, however they are spread.
  private mutating func mixture(
    _ experts: FeedForwardSpec.Experts, _ needs: LayerGradients, _ phase: WorkSheet.Phase
  ) {
    product(
      "router", phase, rows: tokens, input: hidden, output: experts.count, inputNeedsGradient: needs.mlpNormed,
      trains: needs.training.experts)
    for role in spec.sharedRoles {
      linear(
        role, phase, inputNeedsGradient: role == .down ? needs.product : needs.mlpNormed, needs.training)
    }
    if let shared = experts.sharedIntermediateSize { activation(rows: tokens, width: shared, needs, phase) }
    expertAdapters(experts, needs, phase)
    let rows = tokens * experts.active
    let inner = experts.intermediateSize
    for role in spec.feedForwardRoles {
      let width = role == .gateUp ? 2 * inner : inner
      let (input, output) = role == .down ? (inner, hidden) : (hidden, width)
      let inputNeedsGradient = role == .down ? needs.product : needs.mlpNormed
      product(
        "expert " + role.rawValue, phase, rows: rows, input: input, output: output,
        inputNeedsGradient: inputNeedsGradient, trains: needs.training.experts)
      // With many tokens every expert has some.
      dequantization(
        phase, min(experts.count, rows) * input * output, inputNeedsGradient: inputNeedsGradient)
    }
    activation(rows: rows, width: inner, needs, phase)
  }

  /// PEFT's factors of the experts: folded into whole stacked weights where those are stacked, beside each row
  /// otherwise.
  private mutating func expertAdapters(
    _ experts: FeedForwardSpec.Experts, _ needs: LayerGradients, _ phase: WorkSheet.Phase
  ) {
    guard needs.training.expertAdapters, let lora = recipe.method.adapter else { return }
    let inner = experts.intermediateSize
    guard recipe.choices.experts == .grouped else {
      for role in spec.feedForwardRoles {
        let (input, output) = role == .down ? (inner, hidden) : (hidden, inner)
        for (from, to) in [(input, lora.rank), (lora.rank, output)] {
          product(
            "lora", phase, rows: tokens * experts.active, input: from, output: to, inputNeedsGradient: true,
            trains: true)
        }
      }
      return
    }
    let times = phase == .backward ? 2 : 1
    for (rank, output, input) in [(2 * lora.rank, 2 * inner, hidden), (lora.rank, hidden, inner)] {
      book.product("lora", phase, .trained, experts.count * output, input, times * rank)
      // The change's gradient is that of a trained weight.
      if phase == .backward { book.product("lora", phase, .trained, output, input, tokens * experts.active) }
    }
  }

  private mutating func activation(rows: Int, width: Int, _ needs: LayerGradients, _ phase: WorkSheet.Phase) {
    guard phase != .backward || needs.product else { return }
    let cost =
      phase == .backward
      ? ElementCost.activationBackward(spec.feedForward) : ElementCost.activation(spec.feedForward)
    book.elements(spec.feedForward.activation.rawValue, phase, .weightless, rows * width, cost: cost)
  }
}
