import Bookkeeping
import Modeling

// Shape letters here: T tokens, E experts, S = T · active experts (rows that experts see), H hidden, I width inside one.

extension TorchModel {
  /// A mixture of experts as transformers 5 runs it by default: rows sorted by expert, two grouped products.
  ///
  /// Exact for any routing: S rows reach experts whatever the load of each. Sources: models/mixtral/modeling_mixtral.py,
  /// `MixtralTopKRouter`; integrations/moe.py, `grouped_mm_experts_forward`.
  func mixture(_ tape: inout Tape, _ layer: Int, _ x: Tensor) -> Tensor {
    guard let weights = weights.layers[layer].mixture, let experts = spec.feedForward.experts else { return .void }
    let tokens = microBatch * sequence
    let rows = tokens * experts.active
    tape.enter(.layer(layer, .gateUp))
    let scores = route(&tape, weights, x, tokens: tokens, experts)
    let order = tape.open("mixture.order", [rows], .int64)
    let sortedScores = gather(&tape, "mixture.scores.sorted", scores.viewed(as: [rows]), [rows, 1], indices: order)
    let selected = gather(&tape, "mixture.selected", x, [rows, spec.hiddenSize], indices: order)
    let inner = (spec.feedForward.isGated ? 2 : 1) * experts.intermediateSize
    let both = groupedProduct(&tape, "mixture.gate_up", selected, weights.gateUp, [rows, inner])
    tape.enter(.layer(layer, .activation))
    let active = applyGate(&tape, both, [rows, experts.intermediateSize])
    tape.drop(both)
    tape.enter(.layer(layer, .down))
    let down = groupedProduct(&tape, "mixture.down", active, weights.down, [rows, spec.hiddenSize])
    tape.drop(active)
    let weighted = tape.multiply("mixture.weighted", down, sortedScores)
    tape.drop(down)
    let restored = gather(&tape, "mixture.restored", weighted, [rows, spec.hiddenSize], indices: order)
    tape.drop(weighted)
    let sum = tape.mean("mixture.sum", restored, x.shape)
    tape.drop(restored)
    let result = tape.cast("mixture.output", sum, to: x.format)
    tape.drop(sum)
    for tensor in [selected, sortedScores, order, scores] { tape.drop(tensor) }
    return result
  }

  /// Router: logits, fp32 softmax, the best few, normalized in place.
  private func route(
    _ tape: inout Tape, _ weights: TorchWeights.Mixture, _ x: Tensor, tokens: Int, _ experts: FeedForwardSpec.Experts
  ) -> Tensor {
    let logits = product(&tape, "router.logits", x, weights.router, width: experts.count)
    let whole = tape.cast("router.logits.fp32", logits, to: .fp32)
    let probabilities = tape.resultKeeping("router.probabilities", whole, format: .fp32)
    tape.drop(whole)
    let indices = tape.open("router.indices", [tokens, experts.active], .int64)
    let best = tape.apply(
      "router.best", to: [probabilities], shape: [tokens, experts.active], format: .fp32, saving: [indices],
      rule: Rules.fresh)
    tape.drop(probabilities)
    // `values /= values.sum()` keeps the divided values and the sum.
    let total = tape.mean("router.total", best, [tokens, 1])
    let scores = tape.multiply("router.scores", best, total)
    tape.drop(total)
    tape.drop(best)
    tape.drop(indices)
    tape.drop(logits)
    return scores
  }

  /// Rows picked by index: the index is kept; backward adds into a tensor of the whole input's shape.
  private func gather(
    _ tape: inout Tape, _ name: String, _ x: Tensor, _ shape: Shape, indices: Tensor
  ) -> Tensor {
    tape.apply(name, to: [x], shape: shape, format: x.format, saving: [indices], rule: Rules.fresh)
  }

  /// `F.grouped_mm`: a product per group of rows; not on autocast's list, so the input follows the weight's format.
  private func groupedProduct(
    _ tape: inout Tape, _ name: String, _ x: Tensor, _ weight: Tensor, _ shape: Shape
  ) -> Tensor {
    let input = tape.cast(name + ".input", x, to: weight.format)
    var saving: [Tensor] = []
    if weight.needsGradient { saving.append(input) }
    if input.needsGradient { saving.append(weight) }
    let result = tape.apply(
      name, to: [input, weight], shape: shape, format: weight.format, saving: saving, rule: Rules.fresh)
    tape.drop(input)
    return result
  }

  private func applyGate(_ tape: inout Tape, _ both: Tensor, _ half: Shape) -> Tensor {
    guard spec.feedForward.isGated else { return activate(&tape, both, "mixture.activation") }
    guard !both.isVoid else { return .void }
    let parts = tape.split(both, [half, half])
    let active = activate(&tape, parts[0], "mixture.activation")
    let product = tape.multiply("mixture.product", active, parts[1])
    tape.drop(active)
    for part in parts { tape.drop(part) }
    return product
  }
}
