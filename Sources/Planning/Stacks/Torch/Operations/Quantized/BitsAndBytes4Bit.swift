import Bookkeeping
import Modeling

// Shape letters here: T tokens, K input width, N output width.

extension TorchModel {
  /// bitsandbytes' `Linear4bit`: the weight is made whole for the product, forward and backward; no input is kept.
  ///
  /// Up to four tokens a fused kernel reads the codes and borrows nothing. From 513 tokens on a weight of 4·2^20 elements
  /// is always made whole; between, the choice is one of measured tables for each GPU, and the buffer is counted.
  ///
  /// Sources: bitsandbytes nn/modules.py, `Linear4bit.forward`; backends/cuda/ops.py, `_gemm_4bit_use_custom_cuda` and
  /// `_dequant_linear_fallback`; autograd/_functions.py, `MatMul4Bit.backward`.
  func fourBitProduct(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ quantization: BlockQuantization, _ x: Tensor, _ name: String
  ) -> Tensor {
    let module = linear.module
    let input = tape.cast(name + ".input.compute", x, to: policy.computeFormat)
    let shape = Shape(Array(x.shape.extents.dropLast()) + [module.output])
    let weightName = module.name + ".weight"
    let weightShape: Shape = [module.output, module.input]
    let blocks = [(module.output * module.input + quantization.blockSize - 1) / quantization.blockSize]
    var buffers: [Tensor] = []
    let isFused = x.count / module.input <= TorchModel.fusedFourBitTokens
    if quantization.isDouble, !isFused {
      buffers.append(tape.openNamed(weightName + ".absmax.dequantized", Shape(blocks), .fp32, .workspace))
      buffers.append(tape.openNamed(weightName + ".absmax.shifted", Shape(blocks), .fp32, .workspace))
    }
    if !isFused {
      buffers.append(
        tape.openNamed(TensorName.dequantized(weightName), weightShape, policy.computeFormat, .workspace))
    }
    let storedFormat = policy.weightFormat
    let isDouble = quantization.isDouble
    let output = tape.apply(name, to: [input], shape: shape, format: policy.computeFormat) { tape, arriving, edges in
      guard edges[0].isNeeded else { return [nil] }
      // `dequantize_4bit` answers in the format the weight had before it was quantized.
      let absmax =
        isDouble ? tape.openNamed(weightName + ".absmax.dequantized", Shape(blocks), .fp32, .workspace) : .void
      var whole = tape.openNamed(TensorName.dequantized(weightName), weightShape, storedFormat, .workspace)
      tape.drop(absmax)
      let format = arriving[0]?.format ?? storedFormat
      if format != storedFormat {
        let copy = tape.openNamed(TensorName.dequantized(weightName) + ".cast", weightShape, format, .workspace)
        tape.drop(whole)
        whole = copy
      }
      let gradient = tape.open(edges[0])
      tape.drop(whole)
      return [gradient]
    }
    for buffer in buffers.reversed() { tape.drop(buffer) }
    tape.drop(input)
    let result = tape.cast(name + ".output.cast", output, to: x.format)
    tape.drop(output)
    return result
  }

  /// backends/cuda/ops.py, `_GEMM_4BIT_CUSTOM_FLOOR_M`.
  static let fusedFourBitTokens = 4
}
