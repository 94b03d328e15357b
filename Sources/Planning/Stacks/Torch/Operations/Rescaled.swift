import Bookkeeping
import Modeling

// Shape letters here: T tokens, N output width.

extension TorchModel {
  /// (IA)³: the result times a vector, or the product of the input times one.
  ///
  /// Both factors are kept: the result for the vector's gradient, or the input in the vector's format. Source:
  /// peft/tuners/ia3/layer.py, `Linear.forward`; ia3/bnb.py, whose input is cast to fp32 without autocast.
  func rescaled(_ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String) -> Tensor {
    let isInput = IA3.scalesInput(of: linear.module)
    let flat = tape.reshape(linear.added(0), [isInput ? linear.module.input : linear.module.output])
    let vector = tape.scale(name + ".ia3_scaling", flat)
    tape.drop(flat)
    let isPlain = if case .plain = linear.base { true } else { false }
    var input = x
    if isPlain {
      if isInput { input = tape.cast(name + ".ia3_input", x, to: vector.format) } else { tape.retain(x) }
    } else {
      input = policy.autocast == nil ? tape.cast(name + ".ia3_input", x, to: .fp32) : x
      if policy.autocast != nil { tape.retain(x) }
    }
    var result: Tensor
    if isInput {
      let product = tape.multiply(name + ".ia3_product", input, vector)
      let scaled = isPlain ? tape.cast(name + ".ia3_scaled", product, to: x.format) : product
      if isPlain { tape.drop(product) }
      result = baseProduct(&tape, linear, scaled, isPlain ? name : name + ".base")
      tape.drop(scaled)
    } else {
      let base = baseProduct(&tape, linear, input, name + ".base")
      let product = tape.multiply(name + ".ia3_product", base, vector)
      result = isPlain ? tape.cast(name, product, to: base.format) : product
      if isPlain { tape.drop(product) }
      tape.drop(base)
    }
    if !isPlain {
      let copy = tape.copy(name + ".clone", result, result.shape)
      tape.drop(result)
      result = copy
    }
    tape.drop(vector)
    tape.drop(input)
    return result
  }
}
