import Bookkeeping
import Modeling

// Shape letters here: T tokens, H hidden, I intermediate, N output width of a projection.

extension TorchModel {
  /// Whether all projections of a group run as one operation: they have adapters and no bias, and the input is in the
  /// compute format (unsloth/models/llama.py, `patch_peft_model`; kernels/fast_lora.py, `_lora_dropout_and_bias`).
  func fusesAdapters(_ layer: Int, _ roles: [Parameter.Linear], _ x: Tensor) -> Bool {
    guard policy.choices.adapters != .peft, policy.weightFormat != .fp32, let lora = policy.lora,
      !lora.decomposesWeights
    else { return false }
    guard x.isVoid || x.format == policy.computeFormat else { return false }
    return roles.allSatisfy { role in
      guard let linear = weights.layers[layer].linears[role] else { return false }
      return linear.isWrapped && (linear.bias == nil || policy.choices.adapters == .foak)
    }
  }

  private var adapters: FusedAdapters { FusedAdapters(policy: policy) }

  /// Projections of one input with their adapters in one operation, which keeps the input and writes its gradient over
  /// it (`LoRA_QKV`).
  func fusedProjections(_ tape: inout Tape, _ layer: Int, _ roles: [Parameter.Linear], _ x: Tensor, _ names: [String])
    -> [Tensor]
  {
    var outputs: [Tensor] = []
    var projections: [FusedAdapters.Projection] = []
    for (role, name) in zip(roles, names) {
      guard let linear = weights.layers[layer].linears[role] else { continue }
      let (output, projection) = adapters.forward(&tape, linear, x, name)
      outputs.append(output)
      projections.append(projection)
    }
    let adapters = adapters
    let saved = savedAdapters(projections)
    let results = tape.applyFunction(
      to: [x] + saved.weights, making: outputs, saving: [x] + saved.weights + saved.dropped
    ) { tape, _, edges in
      let casts = projections.flatMap {
        [adapters.castAdapter(&tape, $0.linear.loraA, x), adapters.castAdapter(&tape, $0.linear.loraB, x)]
      }
      var made: [(gradients: [Tensor], product: Tensor)] = []
      for index in projections.indices {
        made.append(
          adapters.adapterGradients(
            &tape, edges[(2 * index + 1)...(2 * index + 2)], input: edges[0], format: x.format))
      }
      let gradient = tape.overwrite(0, as: edges[0])
      for (index, projection) in projections.enumerated() {
        adapters.addInputGradient(&tape, projection, input: edges[0], format: x.format, isFirst: index == 0)
      }
      for (_, product) in made { tape.drop(product) }
      for cast in casts { tape.drop(cast) }
      let gradients = made.indices.flatMap {
        adapters.cast(&tape, made[$0].gradients, edges[(2 * $0 + 1)...(2 * $0 + 2)])
      }
      return [gradient] + gradients
    }
    for tensor in saved.dropped { tape.drop(tensor) }
    return results
  }

  /// The output projection with its adapter, which keeps its input (`LoRA_W`).
  func fusedOutput(_ tape: inout Tape, _ layer: Int, _ x: Tensor, _ name: String) -> Tensor {
    guard let linear = weights.layers[layer].linears[.output] else { return .void }
    let (output, projection) = adapters.forward(&tape, linear, x, name)
    let adapters = adapters
    let saved = savedAdapters([projection])
    let results = tape.applyFunction(
      to: [x] + saved.weights, making: [output], saving: [x] + saved.weights + saved.dropped
    ) { tape, _, edges in
      let casts = [adapters.castAdapter(&tape, linear.loraA, x), adapters.castAdapter(&tape, linear.loraB, x)]
      let (made, product) = adapters.adapterGradients(&tape, edges[1...2], input: edges[0], format: x.format)
      let weight = adapters.whole(&tape, linear, isForward: false)
      let gradient = tape.openFlow(edges[0], edges[0].shape, edges[0].format)
      tape.drop(weight)
      tape.drop(product)
      for cast in casts { tape.drop(cast) }
      return [gradient.asView()] + adapters.cast(&tape, made, edges[1...2])
    }
    for tensor in saved.dropped { tape.drop(tensor) }
    return results[0]
  }

  /// A gated feed-forward network with its adapters in one operation: input, gate and up are kept, the product is made
  /// again where the gradient arrives, and gradients of input, gate and up are written over them (`LoRA_MLP`).
  func fusedFeedForward(_ tape: inout Tape, _ layer: Int, _ x: Tensor) -> Tensor {
    let linears = weights.layers[layer].linears
    guard let gateLinear = linears[.gate], let upLinear = linears[.up], let downLinear = linears[.down] else {
      return .void
    }
    tape.enter(.layer(layer, .gateUp))
    let (gate, gateProjection) = adapters.forward(&tape, gateLinear, x, "gate")
    let (up, upProjection) = adapters.forward(&tape, upLinear, x, "up")
    tape.enter(.layer(layer, .activation))
    let product = tape.open("product", gate.shape, gate.format)
    tape.enter(.layer(layer, .down))
    let (output, downProjection) = adapters.forward(&tape, downLinear, product, "down")
    tape.drop(product)
    let adapters = adapters
    let projections = [gateProjection, upProjection, downProjection]
    let saved = savedAdapters(projections)
    let inner = gate.shape
    // Gradients of gate and up are never seen outside: the kernel writes them over what the node saved.
    let results = tape.applyFunction(
      to: [x] + saved.weights, making: [output], saving: [x, gate, up] + saved.weights + saved.dropped
    ) { tape, _, edges in
      let casts = projections.flatMap {
        [adapters.castAdapter(&tape, $0.linear.loraA, x), adapters.castAdapter(&tape, $0.linear.loraB, x)]
      }
      // Through the scratch buffer, like a forward product.
      let weight = adapters.whole(&tape, downLinear, isForward: true)
      let flow = tape.openFlow(edges[0], inner, x.format)
      tape.drop(weight)
      var made: [(gradients: [Tensor], product: Tensor)] = []
      for index in projections.indices {
        made.append(
          adapters.adapterGradients(
            &tape, edges[(2 * index + 1)...(2 * index + 2)], input: edges[0], format: x.format))
      }
      let gradient = tape.overwrite(0, as: edges[0])
      adapters.addInputGradient(&tape, upProjection, input: edges[0], format: x.format, isFirst: true)
      adapters.addInputGradient(&tape, gateProjection, input: edges[0], format: x.format, isFirst: false)
      for (_, product) in made { tape.drop(product) }
      tape.drop(flow)
      for cast in casts { tape.drop(cast) }
      let gradients = made.indices.flatMap {
        adapters.cast(&tape, made[$0].gradients, edges[(2 * $0 + 1)...(2 * $0 + 2)])
      }
      return [gradient] + gradients
    }
    for tensor in saved.dropped { tape.drop(tensor) }
    tape.drop(up)
    tape.drop(gate)
    return results[0]
  }

  private func savedAdapters(_ projections: [FusedAdapters.Projection]) -> (weights: [Tensor], dropped: [Tensor]) {
    (
      projections.flatMap { [$0.linear.loraA, $0.linear.loraB].compactMap { $0 } },
      projections.flatMap { [$0.mask, $0.dropped].compactMap { $0 } }
    )
  }
}
