import Bookkeeping
import Modeling

// Shape letters here: T tokens, K input width, N output width.

extension TorchModel {
  /// bitsandbytes' `Linear4bit`: the weight is made whole for the product, forward and backward; no input is kept.
  ///
  /// Sources: bitsandbytes nn/modules.py, `Linear4bit.forward`; backends/cuda/ops.py, `_dequant_linear_fallback`, which
  /// every T above 1536 takes (below it a fused kernel that borrows nothing may be chosen by device and shape);
  /// autograd/_functions.py, `MatMul4Bit.backward`.
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
    if quantization.isDouble {
      buffers.append(tape.openNamed(weightName + ".absmax.dequantized", Shape(blocks), .fp32, .workspace))
      buffers.append(tape.openNamed(weightName + ".absmax.shifted", Shape(blocks), .fp32, .workspace))
    }
    buffers.append(
      tape.openNamed(TensorName.dequantized(weightName), weightShape, policy.computeFormat, .workspace))
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

  /// bitsandbytes' `Linear8bitLt`: the input is held by a plain attribute of the node for as long as the graph lives.
  ///
  /// Neither saved-tensor hooks nor the release after a node's run see it, so gradient checkpointing doesn't save it.
  /// Outlier columns are taken to be few and not counted. Source: bitsandbytes autograd/_functions.py, `MatMul8bitLt`
  /// (`ctx.tensors`), backends/cuda/ops.py, `int8_vectorwise_quant`, `int8_linear_matmul` and `int8_mm_dequant`.
  func eightBitProduct(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String
  ) -> Tensor {
    let module = linear.module
    let tokens = x.count / module.input
    let wide: Shape = [tokens, module.input]
    let shape = Shape(Array(x.shape.extents.dropLast()) + [module.output])
    let half = tape.cast(name + ".input.fp16", x.detached(), to: .fp16, account: .workspace)
    let rows = tape.open(name + ".input.row_scales", [tokens], .fp32, .workspace)
    let codes = tape.open(name + ".input.int8", wide, .int8, .workspace)
    let magnitudes = tape.open(name + ".input.magnitudes", wide, .fp16, .workspace)
    let outliers = tape.open(name + ".input.outliers", wide, .bool, .workspace)
    tape.drop(magnitudes)
    tape.drop(outliers)
    tape.drop(half)
    let sums = tape.open(name + ".sums.int32", [tokens, module.output], .int32, .workspace)
    var output = tape.open(name + ".fp16", shape, .fp16, .workspace)
    let weightName = module.name + ".weight"
    let weightShape: Shape = [module.output, module.input]
    let format = x.format
    let result = tape.apply(name, to: [x], shape: shape, format: format) { tape, arriving, edges in
      guard edges[0].isNeeded else { return [nil] }
      let whole = tape.openNamed(TensorName.dequantized(weightName), weightShape, format, .workspace)
      let gradient = tape.open(edges[0])
      tape.drop(whole)
      return [gradient.asView()]
    }
    tape.drop(output)
    output = result
    tape.drop(sums)
    tape.drop(codes)
    tape.drop(rows)
    tape.hold(x, with: output)
    return output
  }
}
