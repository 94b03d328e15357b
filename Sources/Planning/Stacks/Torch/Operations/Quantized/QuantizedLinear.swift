import Bookkeeping
import Modeling

// Shape letters here: T tokens, K input width, N output width.

extension TorchModel {
  /// The product of a module of GPTQ, AWQ, HQQ or torchao, without its adapter.
  func packedProduct(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ quantization: Quantization, _ x: Tensor, _ name: String
  ) -> Tensor {
    switch quantization {
    case .gptq: return gptqProduct(&tape, linear, x, name)
    case .awq: return awqProduct(&tape, linear, x, name)
    case .hqq(let groups): return hqqProduct(&tape, linear, groups, x, name)
    case .torchaoNF4: return torchaoNF4Product(&tape, linear, x, name)
    case .torchaoInt8: return torchaoInt8Product(&tape, linear, x, name)
    // bitsandbytes has bases of its own, and int4 is refused before the walk: it has no backward.
    case .nf4, .fp4, .blockwise, .int8, .torchaoInt4: return .void
    }
  }

  /// The adapter as PEFT's module for this kind of base adds it; takes over the reference to `base`.
  func adaptPacked(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ quantization: Quantization, _ x: Tensor, _ base: Tensor,
    _ name: String
  ) -> Tensor {
    switch quantization {
    case .awq, .nf4, .fp4, .blockwise, .int8: return adaptQuantized(&tape, linear, x, base, name)
    // peft/tuners/lora/gptq.py and torchao.py go the way of plain layers, hqq.py too but for a cast that it leaves to
    // autocast.
    case .gptq, .torchaoInt8, .torchaoInt4, .torchaoNF4: return adapt(&tape, linear, x, base, name)
    case .hqq: return adapt(&tape, linear, x, base, name, castsInput: policy.autocast == nil)
    }
  }

  /// Opens a weight made whole.
  ///
  /// - Parameter isKept: whether autograd keeps it for the gradient of the input.
  func openWhole(
    _ tape: inout Tape, _ module: LinearModule, _ shape: Shape, _ format: ScalarFormat, isKept: Bool = false,
    suffix: String = ""
  ) -> Tensor {
    tape.openNamed(
      TensorName.dequantized(module.name + ".weight") + suffix, shape, format, isKept ? .activations : .workspace)
  }
}
