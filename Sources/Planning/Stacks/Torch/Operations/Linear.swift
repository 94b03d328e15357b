import Bookkeeping
import Modeling

// Shape letters here: T tokens, K input width, N output width.

extension TorchModel {
  /// `F.linear(x, weight, bias)`: x · weightᵀ + bias.
  ///
  /// A trained weight keeps the input for its gradient, a needed input gradient keeps the weight (torch
  /// derivatives.yaml, `mm` and `addmm`). Autocast first casts each operand that is fp32 (aten/src/ATen/autocast_mode.cpp,
  /// `cached_cast`): the copy of a trained weight is cached until autocast ends, that of a frozen one is made at every
  /// call, and both are what the graph keeps in place of the weight.
  func product(
    _ tape: inout Tape, _ name: String, _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, width: Int,
    account: Account = .activations, computesAs: ScalarFormat? = nil
  ) -> Tensor {
    tape.inUnit(of: weight, x) { tape in
      unshardedProduct(&tape, name, x, weight, bias: bias, width: width, account: account)
    }
  }

  private func unshardedProduct(
    _ tape: inout Tape, _ name: String, _ x: Tensor, _ weight: Tensor, bias: Tensor?, width: Int, account: Account
  ) -> Tensor {
    // The compiler evaluates the casts of a call's arguments from the last to the first.
    let addend = bias.map { castWeight(&tape, $0) }
    let matrix = castWeight(&tape, weight)
    let input = castInput(&tape, name, x)
    var saving: [Tensor] = []
    if matrix.needsGradient { saving.append(input) }
    if input.needsGradient { saving.append(matrix) }
    var inputs = [input, matrix]
    if let addend { inputs.append(addend) }
    // `MmBackward0` makes the weight's gradient first, `AddmmBackward0` the input's.
    let weightFirst = addend == nil
    let shape = Shape(Array(x.shape.extents.dropLast()) + [width])
    let output = tape.apply(
      name, to: inputs, shape: shape, format: input.format, account: account, saving: saving
    ) { tape, _, edges in
      var gradients: [Tensor?] = edges.map { _ in nil }
      let order = weightFirst ? [1, 0] : [0, 1, 2]
      for index in order where edges[index].isNeeded {
        let gradient = tape.open(edges[index])
        // The input's comes out of a fold of its leading dimensions, the weight's out of a transposition.
        gradients[index] = index == 2 ? gradient : gradient.asView()
      }
      return gradients
    }
    if let addend { tape.drop(addend) }
    tape.drop(matrix)
    tape.drop(input)
    return output
  }

  /// The operand as autocast hands it to the kernel, with a reference of its own.
  func castInput(_ tape: inout Tape, _ name: String, _ x: Tensor) -> Tensor {
    guard let autocast = policy.autocast, x.format == .fp32 else {
      tape.retain(x)
      return x
    }
    return tape.cast(name + ".input.autocast", x, to: autocast)
  }

  /// The weight as autocast hands it to the kernel, with a reference of its own.
  func castWeight(_ tape: inout Tape, _ weight: Tensor) -> Tensor {
    guard let autocast = policy.autocast, weight.format == .fp32 else {
      tape.retain(weight)
      return weight
    }
    guard weight.needsGradient else {
      return tape.openNamed(weight.name + ".autocast", weight.shape, autocast, .workspace)
    }
    if let copy = tape.castWeights[weight.storage] {
      tape.retain(copy)
      return copy
    }
    guard !tape.isStopped else { return .void }
    let prefix = tape.prefix
    tape.prefix = ""
    let copy = tape.cast(weight.name + ".autocast", weight, to: autocast, account: weight.account)
    tape.prefix = prefix
    tape.retain(copy)
    tape.castWeights[weight.storage] = copy
    return copy
  }

  /// A linear module with what a method put around it.
  func linear(_ tape: inout Tape, _ layer: Int, _ role: Parameter.Linear, _ x: Tensor, _ name: String) -> Tensor {
    guard let linear = weights.layers[layer].linears[role] else { return .void }
    if policy.choices.modelCode != .transformers { return plainLinear(&tape, linear, x, name) }
    return linearModule(&tape, linear, x, name)
  }

  /// A linear module with what a method put around it.
  func linearModule(_ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String) -> Tensor {
    linear.isWrapped ? wrapped(&tape, linear, x, name) : baseProduct(&tape, linear, x, name)
  }

  /// The linear module as it was before any method.
  func baseProduct(_ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String) -> Tensor {
    switch linear.base {
    case .plain(let weight) where policy.tensorParallelSize > 1: dividedProduct(&tape, linear, weight, x, name)
    case .plain(let weight):
      product(&tape, name, x, weight, bias: linear.bias, width: linear.module.output)
    case .torchaoNF4: torchaoProduct(&tape, linear, x, name)
    case .fourBit(let quantization): fourBitProduct(&tape, linear, quantization, x, name)
    case .eightBit: eightBitProduct(&tape, linear, x, name)
    case .packed(let quantization): packedProduct(&tape, linear, quantization, x, name)
    }
  }

  /// What the method does around the module.
  private func wrapped(_ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String) -> Tensor {
    guard case .wrapped(let wrapper, _) = policy.method else {
      let base = baseProduct(&tape, linear, x, name + ".base")
      switch linear.base {
      case .plain, .torchaoNF4: return adapt(&tape, linear, x, base, name)
      case .fourBit, .eightBit: return adaptQuantized(&tape, linear, x, base, name)
      case .packed(let quantization): return adaptPacked(&tape, linear, quantization, x, base, name)
      }
    }
    switch wrapper {
    case .ia3: return rescaled(&tape, linear, x, name)
    case .vera: return shared(&tape, linear, x, name)
    case .oft(let oft): return rotated(&tape, linear, oft, x, name)
    case .boft(let boft): return butterfly(&tape, linear, boft, x, name)
    case .loha: return hadamard(&tape, linear, x, name)
    case .lokr(let lokr): return kronecker(&tape, linear, lokr, x, name)
    case .adalora(let adalora): return singular(&tape, linear, adalora, x, name)
    case .lnTuning: return baseProduct(&tape, linear, x, name)
    }
  }
}
