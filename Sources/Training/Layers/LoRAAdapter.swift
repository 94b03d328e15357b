import Bookkeeping
import Kernels
import Modeling

// Shape letters here: T tokens, r rank, I input width, O output width.

/// The trained low-rank path beside a frozen linear layer: y += scale · B(A(dropout(x))).
///
/// What backward keeps of it is scale · A(dropout(x)). Without dropout the path shares the layer's own product; with it,
/// A's input is another one, and the path's products are its own.
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

  init(
    _ lora: LoRA, on module: LinearModule, format: ScalarFormat, stream: UInt64, in arena: Arena
  ) throws(ArenaError) {
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
      TensorName.loraA(module.name), .adapters, [lora.rank, module.input], format: format, isTrained: true,
      in: arena)
    b = try ParameterTensor(
      TensorName.loraB(module.name), .adapters, [module.output, lora.rank], format: format, isTrained: true,
      in: arena)
  }

  /// Whether a pass with this seed drops anything.
  func drops(_ seed: UInt64?) -> Bool { dropout > 0 && seed != nil }

  /// The path as the layer's own product takes it along, for one call; its inner product `[T, r]` goes to `inner`.
  @_lifetime(immortal)
  func path<X: StoredNumber>(into inner: inout Tensor<X>) -> LowRankPath<X> {
    if a.format == .bf16 {
      return LowRankPath(
        a: a.narrowValue.span, b: b.narrowValue.span, rank: rank, scale: scale, into: inner.mutableSpan)
    }
    return LowRankPath(a: a.value.span, b: b.value.span, rank: rank, scale: scale, into: inner.mutableSpan)
  }

  /// Opens what backward keeps of A's output, `[T, r]`.
  func openDown<X: StoredNumber>(rows: Int, tape: LoRATape<X>) throws(ArenaError) {
    tape.down = try arena.open(TensorName.loraDown(layer, module), .activations, [rows, rank])
  }

  /// Opens the gradient of A's output, `[T, r]`.
  func openFlow<X: StoredNumber>(rows: Int) throws(ArenaError) -> Tensor<X> {
    try arena.open(TensorName.flow(TensorName.loraDown(layer, module)), .activations, [rows, rank])
  }

  /// Adds the adapter's part to `y` `[T, O]`; `y` is nil when only what backward needs is wanted, and without a seed
  /// nothing is dropped.
  func forward<X: StoredNumber>(
    x: Span<X>, rows: Int, seed: UInt64?, isRecording: Bool, tape: LoRATape<X>, into y: consuming MutableSpan<X>?
  ) throws(ArenaError) {
    if dropout > 0, let seed {
      tape.mask = try arena.open(TensorName.dropoutMask(layer, module), .activations, [rows, input])
      var dropped: Tensor<X> = try arena.open(TensorName.dropped(layer, module), .activations, [rows, input])
      try openDown(rows: rows, tape: tape)
      Dropout.forward(
        x: x, probability: dropout, seed: seed, stream: stream, into: dropped.mutableSpan,
        mask: tape.mask.mutableSpan)
      a.multiply(dropped.span, rows: rows, scale: scale, into: tape.down.mutableSpan)
      dropped.close()
    } else {
      try openDown(rows: rows, tape: tape)
      a.multiply(x, rows: rows, scale: scale, into: tape.down.mutableSpan)
    }
    if let y { b.multiply(tape.down.span, rows: rows, accumulate: true, into: y) }
    if !isRecording {
      tape.down.close()
      tape.mask.close()
    }
  }

  /// Gradients of A and B from `dy` `[T, O]`, and, if wanted, the adapter's part of the input's gradient.
  func backward<X: StoredNumber>(
    dy: Span<X>, x: Span<X>, rows: Int, tape: LoRATape<X>, addingTo dx: consuming MutableSpan<X>?
  ) throws(ArenaError) {
    var flow: Tensor<X> = try openFlow(rows: rows)
    b.multiplyTransposed(dy, rows: rows, scale: scale, into: flow.mutableSpan)
    if tape.mask.isOpen {
      try b.addGradient(dy: dy, x: tape.down.span, rows: rows)
      tape.down.close()
      try backwardThroughDropout(flow: flow.span, x: x, rows: rows, tape: tape, addingTo: dx)
    } else {
      try gradients(dy: dy, flow: flow.span, x: x, rows: rows, tape: tape)
      if let dx { a.multiplyTransposed(flow.span, rows: rows, accumulate: true, into: dx) }
    }
    flow.close()
  }

  /// Gradients of A and B, where nothing was dropped, from `dy` `[T, O]` and `flow` `[T, r]`, that of A's output.
  func gradients<X: StoredNumber>(
    dy: Span<X>, flow: Span<X>, x: Span<X>, rows: Int, tape: LoRATape<X>
  ) throws(ArenaError) {
    try b.addGradient(dy: dy, x: tape.down.span, rows: rows)
    tape.down.close()
    try a.addGradient(dy: flow, x: x, rows: rows)
  }

  private func backwardThroughDropout<X: StoredNumber>(
    flow: Span<X>, x: Span<X>, rows: Int, tape: LoRATape<X>, addingTo dx: consuming MutableSpan<X>?
  ) throws(ArenaError) {
    // The dropped input is made again from the mask: one pass, and an activation less to keep.
    var dropped: Tensor<X> = try arena.open(TensorName.dropped(layer, module), .activations, [rows, input])
    Dropout.backward(
      dy: x, mask: tape.mask.span, probability: dropout, accumulate: false, into: dropped.mutableSpan)
    try a.addGradient(dy: flow, x: dropped.span, rows: rows)
    dropped.close()
    if let dx {
      var droppedFlow: Tensor<X> = try arena.open(
        TensorName.flow(TensorName.dropped(layer, module)), .activations, [rows, input])
      a.multiplyTransposed(flow, rows: rows, into: droppedFlow.mutableSpan)
      Dropout.backward(
        dy: droppedFlow.span, mask: tape.mask.span, probability: dropout, accumulate: true, into: dx)
      droppedFlow.close()
    }
    tape.mask.close()
  }
}

/// What backward needs of an adapter beside the layer's input.
final class LoRATape<X: StoredNumber> {
  /// scale · A·dropout(x), `[T, r]`.
  var down = Tensor<X>()
  /// Which elements of x were kept, `[T, I]`, a byte each; closed without dropout.
  var mask = Tensor<UInt8>()
}
