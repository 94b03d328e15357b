import Bookkeeping
import Modeling

// Shape letters here: K input width, N output width.

extension TorchModel {
  /// torchao's int8 weight-only: codes are cast to the input's format and multiplied by `torch.mm`, which keeps the cast
  /// weight for the input's gradient; then the scale of every row.
  ///
  /// Source: torchao quantization/quantize\_/workflows/int8/int8_tensor.py, `linear`.
  func torchaoInt8Product(_ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String) -> Tensor {
    let module = linear.module
    let whole = openWhole(&tape, module, [module.input, module.output], x.format, isKept: x.needsGradient)
    let unscaled = product(&tape, name + ".unscaled", x, whole, width: module.output)
    tape.drop(whole)
    let scale = tape.openNamed(
      TensorName.part("scale.cast", of: module.name + ".weight"), [module.output], unscaled.format, .activations)
    let output = tape.apply(
      name, to: [unscaled], shape: unscaled.shape, format: unscaled.format, saving: [scale], rule: Rules.fresh)
    tape.drop(scale)
    tape.drop(unscaled)
    let result = tape.cast(name + ".output.cast", output, to: x.format)
    tape.drop(output)
    return result
  }

  /// torchao's NF4: the weight is made whole forward and backward; no input is kept.
  ///
  /// Source: torchao quantization/quantize\_/workflows/nf4/nf4_tensor.py, `LinearNF4` (in torchao/dtypes/nf4tensor.py
  /// before 0.16).
  func torchaoNF4Product(_ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String) -> Tensor {
    let module = linear.module
    let input = castInput(&tape, name, x)
    let whole = torchaoNF4Whole(&tape, module, input.format)
    let shape = Shape(Array(x.shape.extents.dropLast()) + [module.output])
    let output = tape.apply(name, to: [input], shape: shape, format: input.format) { tape, arriving, edges in
      guard edges[0].isNeeded else { return [nil] }
      let whole = self.torchaoNF4Whole(&tape, module, arriving[0]?.format ?? edges[0].format)
      let gradient = tape.open(edges[0])
      tape.drop(whole)
      return [gradient]
    }
    tape.drop(whole)
    tape.drop(input)
    return output
  }

  /// `NF4Tensor.get_original_weight`: both codes of a byte become indices of eight bytes each, are looked up, and
  /// multiplied with a scale that is written out for every pair.
  private func torchaoNF4Whole(_ tape: inout Tape, _ module: LinearModule, _ format: ScalarFormat) -> Tensor {
    let stored = policy.quantizationFormat
    let count = module.input * module.output
    let half = (count + 1) / 2
    func open(_ suffix: String, _ count: Int, _ format: ScalarFormat) -> Tensor {
      openWhole(&tape, module, [count], format, suffix: suffix)
    }
    var kept: [Tensor] = []
    for place in ["first", "second"] {
      let codes = open(".\(place).codes", half, .uint8)
      kept.append(open(".\(place).indices", half, .int64))
      tape.drop(codes)
    }
    kept.append(open(".first.values", half, stored))
    kept.append(open(".second.values", half, stored))
    let scales = (count + 63) / 64
    let unshifted = open(".scales.unshifted", scales, stored)
    kept.append(open(".scales", scales, stored))
    tape.drop(unshifted)
    for place in ["first", "second"] {
      let repeated = open(".\(place).scales", half, stored)
      kept.append(open(".\(place).scaled", half, stored))
      tape.drop(repeated)
    }
    var whole = openWhole(&tape, module, [module.output, module.input], stored)
    for tensor in kept { tape.drop(tensor) }
    if format != stored {
      let copy = openWhole(&tape, module, [module.output, module.input], format, suffix: ".cast")
      tape.drop(whole)
      whole = copy
    }
    return whole
  }
}
