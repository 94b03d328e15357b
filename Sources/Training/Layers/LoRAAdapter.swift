import Bookkeeping
import Kernels
import Modeling

// Shape letters here: T tokens, r rank, I input width, O output width.

/// The trained low-rank path beside a frozen linear layer: y += scale · B(A(dropout(x))).
final class LoRAAdapter {
  let layer: Int
  let module: String
  let rank: Int
  let input: Int
  let output: Int
  let scale: Float
  let dropout: Float
  /// Distinguishes this adapter's dropout from every other's.
  let stream: UInt64
  let a: ParameterTensor  // [r, I]
  let b: ParameterTensor  // [O, r]
  private let arena: Arena

  init(_ lora: LoRA, on module: LinearModule, stream: UInt64, in arena: Arena) throws(ArenaError) {
    layer = module.layer
    self.module = module.shortName
    rank = lora.rank
    input = module.input
    output = module.output
    scale = Float(lora.scale)
    dropout = Float(lora.dropout)
    self.stream = stream
    self.arena = arena
    a = try ParameterTensor(
      TensorName.loraA(module.name), .adapters, [lora.rank, module.input], isTrained: true, in: arena)
    b = try ParameterTensor(
      TensorName.loraB(module.name), .adapters, [module.output, lora.rank], isTrained: true, in: arena)
  }

  /// What backward needs beside the layer's input.
  final class Tape {
    /// A·dropout(x), `[T, r]`.
    var down = Tensor<Float>()
    /// Which elements of x were kept, `[T, I]`, a byte each; closed without dropout.
    var mask = Tensor<UInt8>()
  }

  /// Adds the adapter's part to `y` `[T, O]`; `y` is nil when only what backward needs is wanted, and without a seed
  /// nothing is dropped.
  func forward(
    x: Span<Float>, rows: Int, seed: UInt64?, isRecording: Bool, tape: Tape, into y: consuming MutableSpan<Float>?
  ) throws(ArenaError) {
    if dropout > 0, let seed {
      tape.mask = try arena.open(TensorName.dropoutMask(layer, module), .activations, [rows, input])
      var dropped: Tensor<Float> = try arena.open(TensorName.dropped(layer, module), .activations, [rows, input])
      tape.down = try arena.open(TensorName.loraDown(layer, module), .activations, [rows, rank])
      Dropout.forward(
        x: x, probability: dropout, seed: seed, stream: stream, into: dropped.mutableSpan,
        mask: tape.mask.mutableSpan)
      MatrixProduct.forward(
        x: dropped.span, weight: a.value.span, rows: rows, input: input, output: rank, into: tape.down.mutableSpan)
      dropped.close()
    } else {
      tape.down = try arena.open(TensorName.loraDown(layer, module), .activations, [rows, rank])
      MatrixProduct.forward(
        x: x, weight: a.value.span, rows: rows, input: input, output: rank, into: tape.down.mutableSpan)
    }
    if let y {
      MatrixProduct.forward(
        x: tape.down.span, weight: b.value.span, rows: rows, input: rank, output: output, scale: scale,
        accumulate: true, into: y)
    }
    if !isRecording {
      tape.down.close()
      tape.mask.close()
    }
  }

  /// Gradients of A and B from `dy` `[T, O]`, and, if wanted, the adapter's part of the input's gradient.
  func backward(
    dy: Span<Float>, x: Span<Float>, rows: Int, tape: Tape, addingTo dx: consuming MutableSpan<Float>?
  ) throws(ArenaError) {
    var flow: Tensor<Float> = try arena.open(
      TensorName.flow(TensorName.loraDown(layer, module)), .activations, [rows, rank])
    MatrixProduct.inputGradient(
      dy: dy, weight: b.value.span, rows: rows, input: rank, output: output, scale: scale, into: flow.mutableSpan)
    let hasB = try b.openGradient()
    MatrixProduct.weightGradient(
      dy: dy, x: tape.down.span, rows: rows, input: rank, output: output, scale: scale, accumulate: hasB,
      into: b.gradient.mutableSpan)
    tape.down.close()
    if dropout > 0 {
      try backwardThroughDropout(flow: flow.span, x: x, rows: rows, tape: tape, addingTo: dx)
    } else {
      let hasA = try a.openGradient()
      MatrixProduct.weightGradient(
        dy: flow.span, x: x, rows: rows, input: input, output: rank, accumulate: hasA, into: a.gradient.mutableSpan)
      if let dx {
        MatrixProduct.inputGradient(
          dy: flow.span, weight: a.value.span, rows: rows, input: input, output: rank, accumulate: true, into: dx)
      }
    }
    flow.close()
  }

  private func backwardThroughDropout(
    flow: Span<Float>, x: Span<Float>, rows: Int, tape: Tape, addingTo dx: consuming MutableSpan<Float>?
  ) throws(ArenaError) {
    // The dropped input is made again from the mask: one pass, and 4 bytes an element less to keep.
    var dropped: Tensor<Float> = try arena.open(TensorName.dropped(layer, module), .activations, [rows, input])
    Dropout.backward(
      dy: x, mask: tape.mask.span, probability: dropout, accumulate: false, into: dropped.mutableSpan)
    let hasA = try a.openGradient()
    MatrixProduct.weightGradient(
      dy: flow, x: dropped.span, rows: rows, input: input, output: rank, accumulate: hasA,
      into: a.gradient.mutableSpan)
    dropped.close()
    if let dx {
      var droppedFlow: Tensor<Float> = try arena.open(
        TensorName.flow(TensorName.dropped(layer, module)), .activations, [rows, input])
      MatrixProduct.inputGradient(
        dy: flow, weight: a.value.span, rows: rows, input: input, output: rank, into: droppedFlow.mutableSpan)
      Dropout.backward(
        dy: droppedFlow.span, mask: tape.mask.span, probability: dropout, accumulate: true, into: dx)
      droppedFlow.close()
    }
    tape.mask.close()
  }
}
