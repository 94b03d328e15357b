import Bookkeeping
import Modeling

// Shape letters here: T tokens, K input width, N output width.

extension TorchModel {
  /// The product of a quantized module, whoever's it is, without its adapter.
  func quantizedProduct(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ quantization: Quantization, _ x: Tensor, _ name: String
  ) -> Tensor {
    switch quantization {
    case .nf4, .fp4, .blockwise:
      guard let blocks = quantization.blocks else { return .void }
      return fourBitProduct(&tape, linear, blocks, x, name)
    case .int8: return eightBitProduct(&tape, linear, x, name)
    case .gptq: return gptqProduct(&tape, linear, x, name)
    case .awq: return awqProduct(&tape, linear, x, name)
    case .hqq(let groups): return hqqProduct(&tape, linear, groups, x, name)
    case .torchaoNF4: return torchaoNF4Product(&tape, linear, x, name)
    case .torchaoInt8: return torchaoInt8Product(&tape, linear, x, name)
    // Refused before the walk: it has no backward.
    case .torchaoInt4: return .void
    }
  }

  /// The product and its adapter, as PEFT's module for this kind of base adds it.
  func quantizedLinear(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ quantization: Quantization, _ x: Tensor, _ name: String
  ) -> Tensor {
    guard linear.hasAdapter else { return quantizedProduct(&tape, linear, quantization, x, name) }
    let base = quantizedProduct(&tape, linear, quantization, x, name + ".base")
    switch quantization {
    case .nf4, .fp4, .blockwise, .int8, .awq: return adaptQuantized(&tape, linear, x, base, name)
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
