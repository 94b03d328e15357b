import Bookkeeping
import Modeling

// Shape letters here: b sequences, T tokens, K input width, N output width.

extension TorchModel {
  /// AWQ: above 1024 tokens the weight is made whole in fp16, below a kernel splits the product over eight partial sums;
  /// the input is saved either way, and backward repeats the whole weight for every sequence of the batch.
  ///
  /// Source: gptqmodel nn_modules/qlinear/gemm_awq.py, `AwqGemmFn` and `AwqGEMMLinear.forward` (AutoAWQ's
  /// awq/modules/linear/gemm.py, `WQLinearMMFunction`, is the same).
  func awqProduct(_ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String) -> Tensor {
    let module = linear.module
    let tokens = x.count / module.input
    let matrix: Shape = [module.input, module.output]
    let compute: ScalarFormat = x.format == .bf16 ? .bf16 : .fp16
    let input = tape.cast(name + ".input.compute", x, to: compute)
    var buffers: [Tensor] = []
    if tokens > TorchModel.awqKernelTokens {
      buffers.append(openWhole(&tape, module, matrix, .fp16))
      if compute != .fp16 { buffers.append(openWhole(&tape, module, matrix, compute, suffix: ".cast")) }
    } else {
      buffers.append(
        tape.open(name + ".partial_sums", [8, tokens, module.output], compute, .workspace))
    }
    let shape = Shape(Array(x.shape.extents.dropLast()) + [module.output])
    let sequences = x.shape.extents.first ?? 1
    let output = tape.apply(name, to: [input], shape: shape, format: compute, saving: [input]) {
      tape, arriving, edges in
      guard edges[0].isNeeded else { return [nil] }
      var whole = self.openWhole(&tape, module, matrix, .fp16)
      let format = arriving[0]?.format ?? compute
      if format != .fp16 {
        let copy = self.openWhole(&tape, module, matrix, format, suffix: ".cast")
        tape.drop(whole)
        whole = copy
      }
      let repeated = self.openWhole(
        &tape, module, [sequences, module.output, module.input], format, suffix: ".repeated")
      let gradient = tape.open(edges[0])
      tape.drop(repeated)
      tape.drop(whole)
      return [gradient]
    }
    for buffer in buffers.reversed() { tape.drop(buffer) }
    tape.drop(input)
    let result = tape.cast(name + ".output.cast", output, to: x.format)
    tape.drop(output)
    return result
  }

  /// `AwqGemmFn.forward`, FULL_DEQUANT_MATMUL_THRESHOLD.
  static let awqKernelTokens = 1024
}
