package import Bookkeeping
package import Modeling

/// One operation of a model by itself, forward and backward again and again, as kernels are benchmarked.
///
/// The graph is retained and the gradient of the result is held from outside. Gradients of earlier rounds are there,
/// save for a rotary embedding, whose benchmark takes its gradients as they come (`torch.autograd.grad`).
package enum KernelProbe {
  package enum Kernel { case feedForward, rotary }

  /// The most live bytes.
  ///
  /// - Parameter workspace: what matrix products borrow beside it and keep.
  package static func peak(
    _ kernel: Kernel, _ spec: ModelSpec, _ recipe: Recipe, workspace: Bytes = .zero
  ) -> Bytes {
    let policy = TorchPolicy(recipe, TorchWalk.Options())
    var tape = Tape(clock: StepClock(spec: spec, recipe: recipe))
    tape.retainsGraph = true
    if workspace > .zero { _ = tape.openNamed("workspace", [workspace.count], .int8, .runtime) }
    let weights = kernel == .rotary ? TorchWeights() : self.weights(kernel, spec, policy, &tape)
    let model = TorchModel(
      spec: spec, policy: policy, weights: weights, microBatch: recipe.batch.microBatch,
      sequence: recipe.batch.sequence)
    let tables = kernel == .rotary ? model.rotaryTables(&tape, streamFormat: policy.weightFormat) : nil
    let inputs = shapes(kernel, model).enumerated().map {
      tape.openParameter("input.\($0.offset)", $0.element, policy.weightFormat, .activations, trains: true)
    }
    let gradients = inputs.map { tape.openNamed("\($0.name).output.flow", $0.shape, $0.format, .activations) }
    tape.capturesGradients = kernel == .rotary
    for _ in 0..<(kernel == .rotary ? 1 : 2) { round(kernel, model, inputs, gradients, tables, &tape) }
    return RoundedPeak.of(tape.journal, by: .torchBlocks)
  }

  private static func weights(
    _ kernel: Kernel, _ spec: ModelSpec, _ policy: TorchPolicy, _ tape: inout Tape
  ) -> TorchWeights {
    var weights = TorchWeights()
    var layer = TorchWeights.Layer()
    func open(_ name: String, _ shape: Shape) -> Tensor {
      tape.openParameter(name, shape, policy.weightFormat, .weights, trains: true)
    }
    switch kernel {
    case .feedForward:
      for module in spec.linearModules(0) where [.gate, .up, .down].contains(module.role) {
        layer.linears[module.role] = TorchWeights.Linear(
          module: module, base: .plain(open(module.name + ".weight", [module.output, module.input])), bias: nil,
          added: [])
      }
    case .rotary: break
    }
    weights.layers = [layer]
    return weights
  }

  private static func shapes(_ kernel: Kernel, _ model: TorchModel) -> [Shape] {
    guard kernel == .rotary else { return [model.hiddenShape] }
    let attention = model.spec.attention
    return [attention.heads, attention.keyValueHeads].map {
      [model.microBatch, $0, model.sequence, attention.headDimension]
    }
  }

  private static func round(
    _ kernel: Kernel, _ model: TorchModel, _ inputs: [Tensor], _ gradients: [Tensor], _ tables: RotaryTables?,
    _ tape: inout Tape
  ) {
    var outputs: [Tensor] = []
    switch kernel {
    case .feedForward: outputs = [model.feedForward(&tape, 0, inputs[0])]
    case .rotary:
      guard let tables else { return }
      if model.rotatesInPlace {
        for input in inputs { tape.retain(input) }
        let rotated = model.rotateInPlace(&tape, consuming: inputs[0], inputs[1], tables)
        outputs = [rotated.q, rotated.k]
      } else {
        let heads = [model.spec.attention.heads, model.spec.attention.keyValueHeads]
        outputs = zip(inputs, heads).map { model.rotate(&tape, $0, heads: $1, tables, "\($0.name).rotated") }
      }
    }
    tape.backward(from: outputs, gradients: gradients)
    for output in outputs { tape.drop(output) }
    tape.releaseGraph()
  }
}
