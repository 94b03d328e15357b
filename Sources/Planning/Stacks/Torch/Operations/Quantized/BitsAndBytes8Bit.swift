import Bookkeeping
import Modeling

// Shape letters here: T tokens, K input width, N output width.

extension TorchModel {
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
