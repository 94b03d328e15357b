import Bookkeeping
import Kernels
import Modeling

// Shape letters here: T tokens of a micro-batch, H hidden, V vocabulary, B batch, S sequence, L layers.

/// A Llama-type decoder: embedding, layers, final norm, head and loss; activations are stored in `X`.
final class Decoder<X: StoredNumber>: StepRunner {
  let embedding: ParameterTensor  // [V, H]
  let layers: [DecoderLayer<X>]
  let finalNorm: Norm
  /// The embedding's table where the two are tied.
  let head: ParameterTensor  // [V, H]
  let context: LayerContext
  let usesGradientCheckpointing: Bool
  /// Which part of the scores over the vocabulary exists at once.
  let loss: LossImplementation
  /// Whether a gradient reaches the stream that leaves the last layer.
  let streamNeedsGradient: Bool

  init(
    embedding: ParameterTensor, layers: [LayerWeights], finalNorm: Norm, head: ParameterTensor,
    usesGradientCheckpointing: Bool, loss: LossImplementation, context: LayerContext
  ) {
    self.embedding = embedding
    self.finalNorm = finalNorm
    self.head = head
    self.context = context
    self.usesGradientCheckpointing = usesGradientCheckpointing
    self.loss = loss
    var trainsBelow = embedding.isTrained
    self.layers = layers.enumerated().map { index, weights in
      let layer = DecoderLayer<X>(index: index, weights: weights, trainsBelow: trainsBelow, context: context)
      trainsBelow = trainsBelow || layer.needs.layer
      return layer
    }
    streamNeedsGradient = trainsBelow
  }

  func step(_ microBatch: StepPart, tokens: Span<Int32>, labels: Span<Int32>) throws(ArenaError) -> Double {
    // One tape a layer, and one more whose input is what leaves the last.
    let tapes = (0...layers.count).map { _ in LayerTape<X>() }
    let index = microBatch.index
    let forward = LayerPass(phase: .forward, microBatch: index, dropoutSeed: microBatch.dropoutSeed)
    try embed(tokens, index, into: tapes[0])
    for layer in layers {
      let isCheckpointed = usesGradientCheckpointing && layer.needs.layer
      try layer.forward(
        forward, tape: tapes[layer.index], isRecording: layer.needs.layer && !isCheckpointed,
        keepsInput: isCheckpoint(entering: layer.index), outputAccount: account(ofInputTo: layer.index + 1),
        into: &tapes[layer.index + 1].input)
    }
    var flow = Tensor<X>()
    let loss = try headAndLoss(
      microBatch, labels: labels, last: &tapes[layers.count].input, into: &flow)
    if streamNeedsGradient { try backward(microBatch, tokens: tokens, tapes: tapes, stream: &flow) }
    return loss
  }

  private func account(ofInputTo layer: Int) -> Account {
    isCheckpoint(entering: layer) ? .checkpoints : .activations
  }

  /// Whether a stretch of layers will be run again from what enters `layer`: the first of the stretch that backward comes
  /// to.
  private func isCheckpoint(entering layer: Int) -> Bool {
    guard usesGradientCheckpointing, layer < layers.count, layers[layer].needs.layer else { return false }
    return layer.isMultiple(of: context.layersPerCheckpoint) || !layers[layer - 1].needs.layer
  }

  private func embed(_ tokens: Span<Int32>, _ index: Int, into tape: LayerTape<X>) throws(ArenaError) {
    context.arena.advance(to: .step(.forward, .embedding, microBatch: index))
    let width = context.spec.hiddenSize
    tape.input = try context.arena.open(TensorName.hidden, account(ofInputTo: 0), [context.rows, width])
    embedding.gather(tokens, into: tape.input.mutableSpan)
  }

  private func backward(
    _ microBatch: StepPart, tokens: Span<Int32>, tapes: [LayerTape<X>], stream: inout Tensor<X>
  ) throws(ArenaError) {
    let length = usesGradientCheckpointing ? context.layersPerCheckpoint : 1
    for first in stride(from: 0, to: layers.count, by: length).reversed() {
      let stretch = layers[first..<min(first + length, layers.count)].filter(\.needs.layer)
      if usesGradientCheckpointing { try recompute(stretch, microBatch, tapes: tapes) }
      for layer in stretch.reversed() {
        try layer.backward(
          LayerPass(phase: .backward, microBatch: microBatch.index, dropoutSeed: microBatch.dropoutSeed),
          tape: tapes[layer.index], stream: &stream)
      }
    }
    context.arena.advance(to: .step(.backward, .embedding, microBatch: microBatch.index))
    guard embedding.isTrained else { return }
    if try !embedding.openGradient() { Elementwise.fill(embedding.gradient.mutableSpan, with: 0) }
    Embedding.scatterAdd(
      gradient: stream.span, tokens: tokens, width: context.spec.hiddenSize, into: embedding.gradient.mutableSpan)
    stream.close()
  }

  /// Runs neighboring layers again from the checkpoint that enters the first, this time recording; what would leave the
  /// last is not made, since nobody reads it.
  private func recompute(
    _ stretch: [DecoderLayer<X>], _ microBatch: StepPart, tapes: [LayerTape<X>]
  ) throws(ArenaError) {
    let pass = LayerPass(phase: .recompute, microBatch: microBatch.index, dropoutSeed: microBatch.dropoutSeed)
    for layer in stretch.dropLast() {
      try layer.forward(
        pass, tape: tapes[layer.index], isRecording: true, keepsInput: isCheckpoint(entering: layer.index),
        outputAccount: .activations, into: &tapes[layer.index + 1].input)
    }
    if let last = stretch.last { try last.recompute(pass, tape: tapes[last.index]) }
  }
}
