import Bookkeeping
import Modeling

// Shape letters here: T tokens, E experts, S = T · active experts (rows that experts see), H hidden, I width inside one.

extension TorchModel {
  /// A mixture of experts as transformers 5 runs it by default: rows sorted by expert, two grouped products.
  ///
  /// Exact for any routing: S rows reach experts whatever the load of each. Sources: models/mixtral/modeling_mixtral.py,
  /// `MixtralTopKRouter`; integrations/moe.py, `grouped_mm_experts_forward`.
  func mixture(_ tape: inout Tape, _ layer: Int, _ x: Tensor) -> Tensor {
    switch policy.choices.experts {
    case .grouped: groupedMixture(&tape, layer, x)
    case .modules: loopedMixture(&tape, layer, x)
    }
  }

  /// All experts in two grouped products.
  private func groupedMixture(_ tape: inout Tape, _ layer: Int, _ x: Tensor) -> Tensor {
    guard let weights = weights.layers[layer].mixture, let experts = spec.feedForward.experts else { return .void }
    let tokens = microBatch * sequence
    let rows = tokens * experts.active
    tape.enter(.layer(layer, .gateUp))
    let shared = sharedExpert(&tape, layer, x)
    let scores = route(&tape, weights, x, tokens: tokens, experts)
    // PEFT's parametrizations are cached for the length of the call, both weights' alike.
    let gateUp = adapted(&tape, weights.gateUp, weights.gateUpFactors, "mixture.gate_up.adapted")
    let order = tape.open("mixture.order", [rows], .int64)
    let sortedScores = gather(&tape, "mixture.scores.sorted", scores.viewed(as: [rows]), [rows, 1], indices: order)
    let sources = tape.open("mixture.sources", [rows], .int64)
    let selected = gather(&tape, "mixture.selected", x, [rows, spec.hiddenSize], indices: sources)
    let inner = (spec.feedForward.isGated ? 2 : 1) * experts.intermediateSize
    let both = groupedProduct(&tape, "mixture.gate_up", selected, gateUp, [rows, inner])
    tape.enter(.layer(layer, .activation))
    let active = applyGate(&tape, both, [rows, experts.intermediateSize])
    tape.drop(both)
    tape.enter(.layer(layer, .down))
    let downWeight = adapted(&tape, weights.down, weights.downFactors, "mixture.down.adapted")
    let down = groupedProduct(&tape, "mixture.down", active, downWeight, [rows, spec.hiddenSize])
    tape.drop(active)
    let weighted = tape.multiply("mixture.weighted", down, sortedScores)
    tape.drop(down)
    let inverse = tape.open("mixture.inverse_order", [rows], .int64)
    let restored = gather(&tape, "mixture.restored", weighted, [rows, spec.hiddenSize], indices: inverse)
    tape.drop(weighted)
    let sum = tape.mean("mixture.sum", restored, x.shape)
    tape.drop(restored)
    let result = tape.cast("mixture.output", sum, to: x.format)
    tape.drop(sum)
    for tensor in [inverse, downWeight, gateUp, selected, sources, sortedScores, order, scores] { tape.drop(tensor) }
    return addShared(&tape, layer, x, shared, to: result)
  }

  /// An expert that every token visits (models/qwen2_moe/modeling_qwen2_moe.py, `Qwen2MoeSparseMoeBlock`); void where
  /// the family has none.
  func sharedExpert(_ tape: inout Tape, _ layer: Int, _ x: Tensor) -> Tensor {
    spec.feedForward.experts?.sharedIntermediateSize == nil ? .void : feedForward(&tape, layer, x)
  }

  /// `sigmoid(gate(x)) * shared`, added to what the other experts made; takes over both references.
  func addShared(
    _ tape: inout Tape, _ layer: Int, _ x: Tensor, _ shared: Tensor, to experts: Tensor
  ) -> Tensor {
    guard !shared.isVoid, !experts.isVoid else { return experts }
    let logit = linear(&tape, layer, .sharedGate, x, "shared_gate")
    let gate = tape.resultKeeping("shared_gate.sigmoid", logit, format: logit.format)
    tape.drop(logit)
    let weighted = tape.multiply("shared.weighted", gate, shared)
    tape.drop(gate)
    tape.drop(shared)
    let sum = tape.add("mixture.with_shared", experts, weighted)
    tape.drop(weighted)
    tape.drop(experts)
    return sum
  }

  /// `baddbmm(W, B, A)`: PEFT folds its low-rank factors into a whole copy of a stacked weight at every call
  /// (peft/tuners/lora/layer.py, `ParamWrapper`, `_LoraFactorsProxy`); without factors, the weight itself.
  private func adapted(_ tape: inout Tape, _ weight: Tensor, _ factors: [Tensor], _ name: String) -> Tensor {
    guard factors.count == 2 else {
      tape.retain(weight)
      return weight
    }
    let cast = factors.map { tape.cast($0.name + ".cast", $0, to: weight.format, account: .adapters) }
    let result = tape.apply(
      name, to: cast, shape: weight.shape, format: weight.format, account: .workspace, saving: cast,
      rule: Rules.fresh)
    for tensor in cast { tape.drop(tensor) }
    return result
  }

  /// Router: logits, fp32 softmax, the best few, normalized in place.
  func route(
    _ tape: inout Tape, _ weights: TorchWeights.Mixture, _ x: Tensor, tokens: Int, _ experts: FeedForwardSpec.Experts
  ) -> Tensor {
    let matrix = routerWeight(&tape, weights)
    let logits = product(&tape, "router.logits", x, matrix, width: experts.count)
    tape.drop(matrix)
    let whole = tape.cast("router.logits.fp32", logits, to: .fp32)
    let probabilities = tape.resultKeeping("router.probabilities", whole, format: .fp32)
    tape.drop(whole)
    let indices = tape.open("router.indices", [tokens, experts.active], .int64)
    let best = tape.apply(
      "router.best", to: [probabilities], shape: [tokens, experts.active], format: .fp32, saving: [indices],
      rule: Rules.fresh)
    tape.drop(probabilities)
    var scores = best
    if experts.normalizesWeights {
      // `values /= values.sum()` keeps the divided values and the sum.
      let total = tape.mean("router.total", best, [tokens, 1])
      scores = tape.multiply("router.scores", best, total)
      tape.drop(total)
      tape.drop(best)
    }
    tape.drop(indices)
    if spec.architecture != .mixtral {
      // models/qwen3_moe/modeling_qwen3_moe.py, `Qwen3MoeTopKRouter`: back to the stream's format.
      let cast = tape.cast("router.scores.cast", scores, to: logits.format)
      tape.drop(scores)
      scores = cast
    }
    tape.drop(logits)
    return scores
  }

  /// The router's matrix with PEFT's change of it, `W + B·A·s`; takes a reference of its own.
  private func routerWeight(_ tape: inout Tape, _ weights: TorchWeights.Mixture) -> Tensor {
    guard weights.routerFactors.count == 2, let width = weights.routerFactors[0].shape.extents.last else {
      tape.retain(weights.router)
      return weights.router
    }
    let change = product(
      &tape, "router.lora", weights.routerFactors[1], weights.routerFactors[0], width: width)
    let scaled = tape.scale("router.lora.scaled", change)
    tape.drop(change)
    let cast = tape.cast("router.lora.cast", scaled, to: weights.router.format)
    tape.drop(scaled)
    let sum = tape.add("router.adapted", weights.router, cast)
    tape.drop(cast)
    return sum
  }

  /// Rows picked by index: the index is kept; backward adds into a tensor of the whole input's shape.
  func gather(
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

  func applyGate(_ tape: inout Tape, _ both: Tensor, _ half: Shape) -> Tensor {
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
