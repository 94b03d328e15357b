import Bookkeeping
import Modeling

// Shape letters here: T tokens, E experts, k experts a token visits, H hidden, I width inside one.

extension TorchModel {
  /// A mixture as Transformers 4 runs it: one expert after the other, each three linear modules.
  ///
  /// Every expert picks its rows, and adds its result into one tensor in place. Rows are spread evenly: what experts
  /// keep depends on their sum alone, T·k. Sources: transformers 4.55 models/mixtral/modeling_mixtral.py,
  /// `MixtralSparseMoeBlock.forward`; models/qwen3_moe/modeling_qwen3_moe.py, `Qwen3MoeSparseMoeBlock.forward`.
  func loopedMixture(_ tape: inout Tape, _ layer: Int, _ x: Tensor) -> Tensor {
    guard let weights = weights.layers[layer].mixture, let experts = spec.feedForward.experts else { return .void }
    let tokens = microBatch * sequence
    let rows = tokens * experts.active
    tape.enter(.layer(layer, .gateUp))
    let flat = tape.reshape(x, [tokens, spec.hiddenSize])
    let routed = route(&tape, weights, flat, tokens: tokens, experts)
    let scores = tape.cast("router.scores.stream", routed, to: x.format)
    tape.drop(routed)
    var total = tape.open("mixture.total", [tokens, spec.hiddenSize], x.format)
    let mask = tape.open("mixture.expert_mask", [experts.count, experts.active, tokens], .int64)
    for (index, expert) in weights.experts.enumerated() {
      let share = rows / experts.count + (index < rows % experts.count ? 1 : 0)
      guard share > 0 else { continue }
      let positions = tape.open("mixture.\(index).positions", [2, share], .int64)
      let state = gather(
        &tape, "mixture.\(index).state", flat, [share, spec.hiddenSize], indices: positions)
      let name = "mixture.\(index)."
      let gate = linearModule(&tape, expert.gate, state, name + "gate")
      let active = activate(&tape, gate, name + "activation")
      tape.drop(gate)
      let up = linearModule(&tape, expert.up, state, name + "up")
      let product = tape.multiply(name + "product", active, up)
      tape.drop(up)
      tape.drop(active)
      let down = linearModule(&tape, expert.down, product, name + "down")
      tape.drop(product)
      let weight = gather(&tape, name + "scores", scores, [share, 1], indices: positions)
      let weighted = tape.multiply(name + "weighted", down, weight)
      tape.drop(weight)
      tape.drop(down)
      total = addRows(&tape, weighted, positions, into: total)
      tape.drop(weighted)
      tape.drop(state)
      tape.drop(positions)
    }
    tape.drop(mask)
    tape.drop(scores)
    let result = tape.reshape(total, x.shape)
    tape.drop(total)
    let shared = sharedExpert(&tape, layer, x)
    tape.drop(flat)
    return addShared(&tape, layer, x, shared, to: result)
  }

  /// `total.index_add_(0, positions, rows)`: keeps the positions; the rows' gradient is picked out of the total's.
  private func addRows(_ tape: inout Tape, _ rows: Tensor, _ positions: Tensor, into total: Tensor) -> Tensor {
    guard !tape.isStopped, !rows.isVoid, total.needsGradient || rows.needsGradient else { return total }
    var saved: [Node.Saved] = []
    tape.save(positions, into: &saved)
    guard !tape.isStopped else { return total }
    var sum = total
    sum.source = tape.record([total, rows], saved: saved, outputs: 1) { tape, arriving, edges in
      guard let gradient = arriving[0] else { return [nil, nil] }
      if edges[0].isNeeded { tape.retain(gradient) }
      return [edges[0].isNeeded ? gradient : nil, edges[1].isNeeded ? tape.open(edges[1]) : nil]
    }
    return sum
  }
}
