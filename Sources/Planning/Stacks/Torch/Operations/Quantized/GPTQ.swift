import Bookkeeping
import Modeling

// Shape letters here: K input width, N output width.

extension TorchModel {
  /// GPTQ as it trains: the weight is made whole in fp16 by ordinary operations and multiplied by `torch.matmul`, so that
  /// autograd keeps it, 2·K·N bytes a module, until the node has run.
  ///
  /// Kernels that read codes (exllama, Marlin) have no backward. `dequantize_weight` is compiled: its steps are fused and
  /// borrow nothing to speak of.
  ///
  /// Sources: gptqmodel nn_modules/qlinear/torch.py, `TorchQuantLinear._forward` and `optimize`; tritonv2.py,
  /// `TritonV2QuantLinear.forward`, which takes the same way in training; auto_gptq qlinear_cuda.py above 128 tokens.
  func gptqProduct(_ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String) -> Tensor {
    let module = linear.module
    let shape: Shape = [module.input, module.output]
    var whole = openWhole(&tape, module, shape, .fp16, isKept: x.needsGradient && x.format == .fp16)
    if x.format != .fp16 {
      let copy = openWhole(&tape, module, shape, x.format, isKept: x.needsGradient, suffix: ".cast")
      tape.drop(whole)
      whole = copy
    }
    let output = product(&tape, name, x, whole, width: module.output)
    tape.drop(whole)
    return output
  }
}
