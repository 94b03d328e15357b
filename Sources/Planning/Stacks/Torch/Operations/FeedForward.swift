import Bookkeeping
import Modeling

// Shape letters here: T tokens, I intermediate width.

extension TorchModel {
  /// A dense feed-forward network: `down(act(gate(x)) * up(x))`, or `down(act(up(x)))` without a gate.
  ///
  /// The activation keeps its input, the product keeps both factors. Source: models/llama/modeling_llama.py,
  /// `LlamaMLP.forward`; models/phi3/modeling_phi3.py, `Phi3MLP.forward`.
  func feedForward(_ tape: inout Tape, _ layer: Int, _ x: Tensor) -> Tensor {
    let network = spec.feedForward
    if network.isGated, !network.fusesGateAndUp, fusesAdapters(layer, [.gate, .up, .down], x) {
      return fusedFeedForward(&tape, layer, x)
    }
    tape.enter(.layer(layer, .gateUp))
    if !network.isGated {
      let up = linear(&tape, layer, .up, x, "up")
      tape.enter(.layer(layer, .activation))
      let active = activate(&tape, up, "activation")
      tape.drop(up)
      return downProjection(&tape, layer, consuming: active)
    }
    if network.fusesGateAndUp {
      let both = linear(&tape, layer, .gateUp, x, "gate_up")
      let half = Shape(Array(both.shape.extents.dropLast()) + [network.intermediateSize])
      let parts = both.isVoid ? [Tensor.void, .void] : tape.split(both, [half, half])
      tape.enter(.layer(layer, .activation))
      let product: Tensor
      if usesFusedGate {
        product = fusedGate(&tape, gate: parts[0], up: parts[1], "product")
      } else {
        let active = activate(&tape, parts[0], "activation")
        product = tape.multiply("product", parts[1], active)
        tape.drop(active)
      }
      for part in parts { tape.drop(part) }
      tape.drop(both)
      return downProjection(&tape, layer, consuming: product)
    }
    let gate = linear(&tape, layer, .gate, x, "gate")
    if usesFusedGate {
      let up = linear(&tape, layer, .up, x, "up")
      tape.enter(.layer(layer, .activation))
      let product = fusedGate(&tape, gate: gate, up: up, "product")
      tape.drop(gate)
      tape.drop(up)
      return downProjection(&tape, layer, consuming: product)
    }
    let active = activate(&tape, gate, "activation")
    tape.drop(gate)
    let up = linear(&tape, layer, .up, x, "up")
    tape.enter(.layer(layer, .activation))
    let product = tape.multiply("product", active, up)
    tape.drop(active)
    tape.drop(up)
    return downProjection(&tape, layer, consuming: product)
  }

  private var usesFusedGate: Bool {
    policy.choices.gate == .liger && hasFusedKernels && spec.feedForward.isGated
  }

  private func downProjection(_ tape: inout Tape, _ layer: Int, consuming x: Tensor) -> Tensor {
    tape.enter(.layer(layer, .down))
    let result = linear(&tape, layer, .down, x, "down")
    tape.drop(x)
    return result
  }

  /// The activation function; GPT-2's is written out in Python (transformers activations.py, `NewGELUActivation`).
  func activate(_ tape: inout Tape, _ x: Tensor, _ name: String) -> Tensor {
    guard spec.architecture == .gpt2, spec.feedForward.activation == .geluTanh else {
      return tape.activation(name, x)
    }
    let half = tape.scale(name + ".half", x)
    let cube = tape.power(name + ".cube", x)
    let scaled = tape.scale(name + ".cube.scaled", cube)
    tape.drop(cube)
    let sum = tape.add(name + ".sum", x, scaled)
    tape.drop(scaled)
    let argument = tape.scale(name + ".argument", sum)
    tape.drop(sum)
    let tangent = tape.resultKeeping(name + ".tanh", argument, format: x.format)
    tape.drop(argument)
    let shifted = tape.shift(name + ".shifted", tangent)
    tape.drop(tangent)
    let result = tape.multiply(name, half, shifted)
    tape.drop(shifted)
    tape.drop(half)
    return result
  }
}
