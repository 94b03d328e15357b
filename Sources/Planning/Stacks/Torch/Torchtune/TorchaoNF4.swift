import Bookkeeping
import Modeling

// Shape letters here: n elements of a weight.

/// torchao's `NF4Tensor` as torchtune makes it: blocks of 64 elements, scales in blocks of 256.
///
/// Source: torchao/dtypes/nf4tensor.py, `NF4Tensor.from_tensor`, `double_quantize_scalers`.
enum TorchaoNF4 {
  static let blockSize = 64
  static let scalerBlockSize = 256

  /// One of the tensors that a weight is kept as.
  struct Part {
    let name: String
    let shape: Shape
    let format: ScalarFormat
    let account: Account
  }

  /// - Parameter format: of the weight that was quantized, in which the constants are kept.
  static func parts(of count: Int, _ format: ScalarFormat) -> [Part] {
    let blocks = count / blockSize
    func constant(_ name: String, _ shape: Shape, _ format: ScalarFormat) -> Part {
      Part(name: name, shape: shape, format: format, account: .quantizationConstants)
    }
    return [
      Part(name: "codes", shape: [count / 2], format: .uint8, account: .weights),
      constant("quantized_scalers", [blocks], .int8),
      constant("quantization_factor", [blocks / scalerBlockSize], format),
      constant("scaler_mean", [1], format),
      constant("nf4", [16], format),
    ]
  }

  /// Whether `torchao` takes a weight of so many elements (nf4tensor.py asserts whole blocks of scales).
  static func takes(_ count: Int) -> Bool { count.isMultiple(of: blockSize * scalerBlockSize) }

  /// Makes a weight whole: every byte becomes two int64 indices into the table, in all about 14 bytes an element at
  /// once for a bf16 weight (`get_original_weight`).
  static func dequantize(
    _ tape: inout Tape, _ name: String, _ shape: Shape, _ format: ScalarFormat
  ) -> Tensor {
    let half: Shape = [shape.count / 2]
    let blocks: Shape = [shape.count / blockSize]
    func open(_ part: String, _ shape: Shape, _ format: ScalarFormat, _ tape: inout Tape) -> Tensor {
      tape.openNamed("\(name).dequantize.\(part)", shape, format, .workspace)
    }
    var locals: [Tensor] = []
    for place in ["first", "second"] {
      let bits = open("\(place)_bits", half, .uint8, &tape)
      locals.append(open("\(place)_elements", half, .int64, &tape))
      tape.drop(bits)
    }
    for place in ["first", "second"] { locals.append(open("dequantized_\(place)", half, format, &tape)) }
    let divided = open("scalers.divided", blocks, format, &tape)
    locals.append(open("scalers", blocks, format, &tape))
    tape.drop(divided)
    for place in ["first", "second"] {
      let repeated = open("repeated_\(place)", half, format, &tape)
      locals.append(open("scaled_\(place)", half, format, &tape))
      tape.drop(repeated)
    }
    let whole = tape.openNamed(TensorName.dequantized(name), shape, format, .workspace)
    for local in locals { tape.drop(local) }
    return whole
  }
}

extension TorchModel {
  /// `linear_nf4`: the weight is made whole forward and backward; the input is not kept.
  ///
  /// Source: torchao/dtypes/nf4tensor.py, `LinearNF4`.
  func torchaoProduct(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String
  ) -> Tensor {
    let module = linear.module
    let weightName = module.name + ".weight"
    let weightShape: Shape = [module.output, module.input]
    let format = x.format
    guard !tape.isStopped else { return .void }
    let whole = TorchaoNF4.dequantize(&tape, weightName, weightShape, format)
    let shape = Shape(Array(x.shape.extents.dropLast()) + [module.output])
    let output = tape.apply(name, to: [x], shape: shape, format: format) { tape, _, edges in
      guard edges[0].isNeeded else { return [nil] }
      let whole = TorchaoNF4.dequantize(&tape, weightName, weightShape, format)
      let gradient = tape.open(edges[0])
      tape.drop(whole)
      return [gradient.asView()]
    }
    tape.drop(whole)
    return output
  }
}
