import Bookkeeping
import Modeling

// Shape letters here: K input width, N output width.

extension TorchModel {
  /// HQQ: the weight is made whole by plain operations in forward and again in backward; the input is saved though no
  /// gradient needs it.
  ///
  /// Source: hqq/core/quantize.py, `HQQMatmulNoCacheMul`, the default backend's (`forward_pytorch_backprop`).
  func hqqProduct(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ groups: GroupQuantization, _ x: Tensor, _ name: String
  ) -> Tensor {
    let module = linear.module
    let whole = hqqWhole(&tape, module, groups)
    let shape = Shape(Array(x.shape.extents.dropLast()) + [module.output])
    let format = policy.autocast ?? x.format
    let output = tape.apply(name, to: [x], shape: shape, format: format, saving: [x]) { tape, _, edges in
      guard edges[0].isNeeded else { return [nil] }
      let whole = self.hqqWhole(&tape, module, groups)
      let gradient = tape.open(edges[0])
      tape.drop(whole)
      return [gradient]
    }
    tape.drop(whole)
    return output
  }

  /// `Quantizer.dequantize`: codes are taken out of their words one place at a time, then less the zero, times the scale.
  private func hqqWhole(_ tape: inout Tape, _ module: LinearModule, _ groups: GroupQuantization) -> Tensor {
    let count = module.input * module.output
    let places = groups.bits == 3 ? 10 : 8 / groups.bits
    // Whole groups share a word, so that the last row of words may be ragged.
    let size = groups.groupSize ?? module.input
    let words = ((count + size - 1) / size + places - 1) / places * size
    let word: ScalarFormat = groups.bits == 3 ? .int32 : .uint8
    let compute = policy.quantizationFormat
    let codes = openWhole(&tape, module, [words * places], compute, suffix: ".codes")
    // hqq/core/bitpack.py: mask and shift for every place but the last, which is masked only. 8 bits are cast.
    for place in 0..<(places == 1 ? 0 : places) {
      let masked = openWhole(&tape, module, [words], word, suffix: ".masked")
      if place + 1 < places {
        let shifted = openWhole(&tape, module, [words], word, suffix: ".shifted")
        tape.drop(masked)
        tape.drop(shifted)
      } else {
        tape.drop(masked)
      }
    }
    let centered = openWhole(&tape, module, [count], compute, suffix: ".centered")
    let whole = openWhole(&tape, module, [module.output, module.input], compute)
    tape.drop(centered)
    tape.drop(codes)
    return whole
  }
}
