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
  func forward<X: StoredNumber>(
    x: Span<X>, rows: Int, accumulate: Bool = false, seed: UInt64?, isRecording: Bool, tape: LoRATape<X>,
    into y: inout Tensor<X>
  ) throws(ArenaError) {
    if let adapter, !adapter.drops(seed) {
      try adapter.openDown(rows: rows, tape: tape)
      switch weight {
      case .dense(let weight):
        weight.multiply(x, adapter, inner: &tape.down, rows: rows, accumulate: accumulate, into: y.mutableSpan)
      case .quantized(let weight):
        weight.forward(x: x, adapter, inner: &tape.down, rows: rows, accumulate: accumulate, into: y.mutableSpan)
      }
      if !isRecording { tape.down.close() }
    } else {
      switch weight {
      case .dense(let weight):
        weight.multiply(x, rows: rows, accumulate: accumulate, into: y.mutableSpan)
      case .quantized(let weight):
        weight.forward(x: x, rows: rows, accumulate: accumulate, into: y.mutableSpan)
      }
      try adapter?.forward(
        x: x, rows: rows, seed: seed, isRecording: isRecording, tape: tape, into: y.mutableSpan)
    }
    bias?.addBias(rows: rows, to: y.mutableSpan)
  }

  /// Only what backward needs of the adapter: for a recomputation whose output nobody reads.
  func recomputeAdapter<X: StoredNumber>(
    x: Span<X>, rows: Int, seed: UInt64?, tape: LoRATape<X>
  ) throws(ArenaError) {
    try adapter?.forward(x: x, rows: rows, seed: seed, isRecording: true, tape: tape, into: nil)
  }

  /// Gradients of what trains here, and the input's gradient as well.
  func backward<X: StoredNumber>(
    dy: Span<X>, x: borrowing Tensor<X>, rows: Int, accumulate: Bool = false, tape: LoRATape<X>,
    into dx: inout Tensor<X>
  ) throws(ArenaError) {
    try parameterGradients(dy: dy, x: x, rows: rows)
    if let adapter, !tape.mask.isOpen {
      var flow: Tensor<X> = try adapter.openFlow(rows: rows)
      switch weight {
      case .dense(let weight):
        weight.multiplyTransposed(dy, adapter, inner: &flow, rows: rows, accumulate: accumulate, into: dx.mutableSpan)
      case .quantized(let weight):
        weight.inputGradient(dy: dy, adapter, inner: &flow, rows: rows, accumulate: accumulate, into: dx.mutableSpan)
      }
      try adapter.gradients(dy: dy, flow: flow.span, x: x.span, rows: rows, tape: tape)
      flow.close()
      return
    }
    switch weight {
    case .dense(let weight):
      weight.multiplyTransposed(dy, rows: rows, accumulate: accumulate, into: dx.mutableSpan)
    case .quantized(let weight):
      weight.inputGradient(dy: dy, rows: rows, accumulate: accumulate, into: dx.mutableSpan)
    }
    try adapter?.backward(dy: dy, x: x.span, rows: rows, tape: tape, addingTo: dx.mutableSpan)
  }

  /// Gradients of what trains here, where nothing below wants the input's gradient.
  func backward<X: StoredNumber>(
    dy: Span<X>, x: borrowing Tensor<X>, rows: Int, tape: LoRATape<X>
  ) throws(ArenaError) {
    try parameterGradients(dy: dy, x: x, rows: rows)
    try adapter?.backward(dy: dy, x: x.span, rows: rows, tape: tape, addingTo: nil)
  }

  /// `x` is read, and so has to be open, only where the weight trains.
  private func parameterGradients<X: StoredNumber>(
    dy: Span<X>, x: borrowing Tensor<X>, rows: Int
  ) throws(ArenaError) {
    if case .dense(let weight) = weight, weight.isTrained { try weight.addGradient(dy: dy, x: x.span, rows: rows) }
    if let bias, bias.isTrained {
      let isAdding = try bias.openGradient()
      Bias.gradient(dy: dy, rows: rows, columns: module.output, accumulate: isAdding, into: bias.gradient.mutableSpan)
    }
  }
}
