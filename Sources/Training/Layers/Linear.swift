import Bookkeeping
import Kernels
import Modeling

// Shape letters here: T tokens, I input width, O output width.

/// A linear layer: y = x·Wᵀ + b, its weight dense or in 4 bits, with an adapter or without.
final class Linear {
  enum Weight {
    case dense(ParameterTensor)  // [O, I]
    case quantized(NF4Weight)
  }

  let module: LinearModule
  let weight: Weight
  let bias: ParameterTensor?  // [O]
  var adapter: LoRAAdapter?

  init(_ module: LinearModule, weight: Weight, bias: ParameterTensor?) {
    self.module = module
    self.weight = weight
    self.bias = bias
  }

  /// Whether anything here trains, so that the output needs a gradient whatever the input does.
  var trains: Bool {
    if adapter != nil || bias?.isTrained == true { return true }
    if case .dense(let weight) = weight { return weight.isTrained }
    return false
  }

  /// y `[T, O]` = x `[T, I]`·Wᵀ + b + adapter, or added to what `y` holds.
  func forward(
    x: Span<Float>, rows: Int, accumulate: Bool = false, seed: UInt64?, isRecording: Bool, tape: LoRAAdapter.Tape,
    into y: inout Tensor<Float>
  ) throws(ArenaError) {
    switch weight {
    case .dense(let weight):
      MatrixProduct.forward(
        x: x, weight: weight.value.span, rows: rows, input: module.input, output: module.output,
        accumulate: accumulate, into: y.mutableSpan)
    case .quantized(let weight):
      weight.forward(
        x: x, rows: rows, input: module.input, output: module.output, accumulate: accumulate, into: y.mutableSpan)
    }
    if let bias { Bias.add(bias.value.span, rows: rows, columns: module.output, to: y.mutableSpan) }
    if let adapter {
      try adapter.forward(
        x: x, rows: rows, seed: seed, isRecording: isRecording, tape: tape, into: y.mutableSpan)
    }
  }

  /// Only what backward needs of the adapter: for a recomputation whose output nobody reads.
  func recomputeAdapter(x: Span<Float>, rows: Int, seed: UInt64?, tape: LoRAAdapter.Tape) throws(ArenaError) {
    try adapter?.forward(x: x, rows: rows, seed: seed, isRecording: true, tape: tape, into: nil)
  }

  /// Gradients of what trains here, and the input's gradient as well.
  func backward(
    dy: Span<Float>, x: borrowing Tensor<Float>, rows: Int, accumulate: Bool = false, tape: LoRAAdapter.Tape,
    into dx: inout Tensor<Float>
  ) throws(ArenaError) {
    switch weight {
    case .dense(let weight):
      MatrixProduct.inputGradient(
        dy: dy, weight: weight.value.span, rows: rows, input: module.input, output: module.output,
        accumulate: accumulate, into: dx.mutableSpan)
    case .quantized(let weight):
      weight.inputGradient(
        dy: dy, rows: rows, input: module.input, output: module.output, accumulate: accumulate, into: dx.mutableSpan)
    }
    try parameterGradients(dy: dy, x: x, rows: rows)
    try adapter?.backward(dy: dy, x: x.span, rows: rows, tape: tape, addingTo: dx.mutableSpan)
  }

  /// Gradients of what trains here, where nothing below wants the input's gradient.
  func backward(
    dy: Span<Float>, x: borrowing Tensor<Float>, rows: Int, tape: LoRAAdapter.Tape
  ) throws(ArenaError) {
    try parameterGradients(dy: dy, x: x, rows: rows)
    try adapter?.backward(dy: dy, x: x.span, rows: rows, tape: tape, addingTo: nil)
  }

  /// `x` is read, and so has to be open, only where the weight trains.
  private func parameterGradients(dy: Span<Float>, x: borrowing Tensor<Float>, rows: Int) throws(ArenaError) {
    if case .dense(let weight) = weight, weight.isTrained {
      let isAdding = try weight.openGradient()
      MatrixProduct.weightGradient(
        dy: dy, x: x.span, rows: rows, input: module.input, output: module.output, accumulate: isAdding,
        into: weight.gradient.mutableSpan)
    }
    if let bias, bias.isTrained {
      let isAdding = try bias.openGradient()
      Bias.gradient(dy: dy, rows: rows, columns: module.output, accumulate: isAdding, into: bias.gradient.mutableSpan)
    }
  }
}
