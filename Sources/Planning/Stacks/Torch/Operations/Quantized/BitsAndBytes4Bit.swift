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
    let weight = FourBitWeight(
      name: module.name + ".weight", shape: [module.output, module.input],
      blocks: (module.output * module.input + quantization.blockSize - 1) / quantization.blockSize,
      isDouble: quantization.isDouble, source: policy.choices.fourBitSource ?? policy.weightFormat)
    let keepsInput = policy.choices.fourBitProduct == .keepingInput
    var buffers: [Tensor] = []
    if keepsInput {
      buffers.append(weight.answered(&tape, as: policy.computeFormat))
    } else if x.count / module.input > TorchModel.fusedFourBitTokens {
      buffers = weight.filled(&tape, as: policy.computeFormat)
    }
    let output = tape.apply(name, to: [input], shape: shape, format: policy.computeFormat) { tape, arriving, edges in
      guard edges[0].isNeeded else { return [nil] }
      let whole = weight.answered(&tape, as: arriving[0]?.format ?? weight.source)
      let gradient = tape.open(edges[0])
      tape.drop(whole)
      return [gradient]
    }
    // A plain attribute of its context: checkpointing does not see it.
    if keepsInput { tape.hold(input, with: output) }
    for buffer in buffers.reversed() { tape.drop(buffer) }
    tape.drop(input)
    let result = tape.cast(name + ".output.cast", output, to: x.format)
    tape.drop(output)
    return result
  }

  /// backends/cuda/ops.py, `_GEMM_4BIT_CUSTOM_FLOOR_M`.
  static let fusedFourBitTokens = 4
}

/// A 4-bit weight on its way to being whole.
private struct FourBitWeight {
  let name: String
  let shape: Shape
  let blocks: Int
  let isDouble: Bool
  /// The format that it was quantized from, in which `dequantize_4bit` answers.
  let source: ScalarFormat

  /// What `dequantize_4bit(weight).to(format)` returns: in the source's format first, then in the one asked for.
  ///
  /// Source: bitsandbytes autograd/_functions.py, `MatMul4Bit`.
  func answered(_ tape: inout Tape, as format: ScalarFormat) -> Tensor {
    let absmax =
      isDouble ? tape.openNamed(name + ".absmax.dequantized", Shape([blocks]), .fp32, .workspace) : .void
    let whole = tape.openNamed(TensorName.dequantized(name), shape, source, .workspace)
    tape.drop(absmax)
    guard format != source else { return whole }
    let copy = tape.openNamed(TensorName.dequantized(name) + ".cast", shape, format, .workspace)
    tape.drop(whole)
    return copy
  }

  /// What `_dequant_linear_fallback` fills before its product, with what it borrows for that.
  func filled(_ tape: inout Tape, as format: ScalarFormat) -> [Tensor] {
    var buffers: [Tensor] = []
    if isDouble {
      for part in [".absmax.dequantized", ".absmax.shifted"] {
        buffers.append(tape.openNamed(name + part, Shape([blocks]), .fp32, .workspace))
      }
    }
    return buffers + [tape.openNamed(TensorName.dequantized(name), shape, format, .workspace)]
  }
}
