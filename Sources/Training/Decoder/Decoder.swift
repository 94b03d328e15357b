import Bookkeeping
import Kernels
import Modeling

// Shape letters here: T tokens of a micro-batch, H hidden, V vocabulary, B batch, S sequence, L layers.

/// A Llama-type decoder: embedding, layers, final norm, head and loss.
final class Decoder {
  let embedding: ParameterTensor  // [V, H]
  let layers: [DecoderLayer]
  let finalNorm: Norm
  /// The embedding's table where the two are tied.
  let head: ParameterTensor  // [V, H]
  let context: DecoderLayer.Context
  let usesGradientCheckpointing: Bool
  /// Whether a gradient reaches the stream that leaves the last layer.
  private let streamNeedsGradient: Bool

  init(
    embedding: ParameterTensor, layers: [DecoderLayer.Weights], finalNorm: Norm, head: ParameterTensor,
    usesGradientCheckpointing: Bool, context: DecoderLayer.Context
  ) {
    self.embedding = embedding
    self.finalNorm = finalNorm
    self.head = head
    self.context = context
    self.usesGradientCheckpointing = usesGradientCheckpointing
    var trainsBelow = embedding.isTrained
    self.layers = layers.enumerated().map { index, weights in
      let layer = DecoderLayer(index: index, weights: weights, trainsBelow: trainsBelow, context: context)
      trainsBelow = trainsBelow || layer.needs.layer
      return layer
    }
    streamNeedsGradient = trainsBelow
  }

  /// What a micro-batch brings.
  struct MicroBatch {
    let index: Int
    /// What each label's loss is multiplied with: one over the labels of the whole step.
    let gradientScale: Float
    let dropoutSeed: UInt64
  }

  /// Runs forward, loss and backward on the tokens and (shifted) labels that stand in the two tensors.
  ///
  /// - Returns: the sum of the losses of all counted labels.
  func step(_ microBatch: MicroBatch, tokens: Span<Int32>, labels: Span<Int32>) throws(ArenaError) -> Double {
    // One tape a layer, and one more whose input is what leaves the last.
    let tapes = (0...layers.count).map { _ in LayerTape() }
    let index = microBatch.index
    let forward = DecoderLayer.Pass(phase: .forward, microBatch: index, dropoutSeed: microBatch.dropoutSeed)
    try embed(tokens, index, into: tapes[0])
    for layer in layers {
      let isCheckpointed = usesGradientCheckpointing && layer.needs.layer
      try layer.forward(
        forward, tape: tapes[layer.index], isRecording: layer.needs.layer && !isCheckpointed,
        keepsInput: isCheckpointed, outputAccount: account(ofInputTo: layer.index + 1),
        into: &tapes[layer.index + 1].input)
    }
    var flow = Tensor<Float>()
    let loss = try headAndLoss(
      microBatch, labels: labels, last: &tapes[layers.count].input, into: &flow)
    if streamNeedsGradient { try backward(microBatch, tokens: tokens, tapes: tapes, stream: &flow) }
    return loss
  }

  /// A layer's input is a checkpoint if the layer will be run again from it.
  private func account(ofInputTo layer: Int) -> Account {
    usesGradientCheckpointing && layer < layers.count && layers[layer].needs.layer ? .checkpoints : .activations
  }

  private func embed(_ tokens: Span<Int32>, _ index: Int, into tape: LayerTape) throws(ArenaError) {
    context.arena.advance(to: .step(.forward, .embedding, microBatch: index))
    let width = context.spec.hiddenSize
    tape.input = try context.arena.open(TensorName.hidden, account(ofInputTo: 0), [context.rows, width])
    Embedding.gather(table: embedding.value.span, tokens: tokens, width: width, into: tape.input.mutableSpan)
  }

  /// Final norm, head and loss, and back to the gradient of the stream that left the last layer, in `stream`.
  private func headAndLoss(
    _ microBatch: MicroBatch, labels: Span<Int32>, last: inout Tensor<Float>, into stream: inout Tensor<Float>
  ) throws(ArenaError) -> Double {
    let arena = context.arena
    let rows = context.rows
    let width = context.spec.hiddenSize
    let vocabulary = context.spec.vocabularySize
    func enter(_ phase: StepClock.Phase, _ place: StepClock.Place) {
      arena.advance(to: .step(phase, place, microBatch: microBatch.index))
    }
    enter(.forward, .finalNorm)
    var normed: Tensor<Float> = try arena.open(TensorName.finalNormed, .activations, [rows, width])
    var reciprocalRMS: Tensor<Float> = try arena.open(TensorName.finalReciprocalRMS, .activations, [rows])
    finalNorm.forward(x: last.span, rows: rows, into: &normed, reciprocalRMS: &reciprocalRMS)
    let normNeedsGradient = streamNeedsGradient || finalNorm.weight.isTrained
    if !normNeedsGradient {
      last.close()
      reciprocalRMS.close()
    }

    enter(.forward, .head)
    var logits: Tensor<Float> = try arena.open(TensorName.logits, .logits, [rows, vocabulary])
    MatrixProduct.forward(
      x: normed.span, weight: head.value.span, rows: rows, input: width, output: vocabulary,
      into: logits.mutableSpan)
    if !head.isTrained { normed.close() }

    enter(.forward, .loss)
    let (loss, _) = CrossEntropy.forwardBackward(
      logits: logits.mutableSpan, labels: labels, rows: rows, vocabulary: vocabulary,
      gradientScale: microBatch.gradientScale)

    enter(.backward, .head)
    var normedFlow: Tensor<Float> = try arena.open(
      TensorName.flow(TensorName.finalNormed), .activations, [rows, width])
    MatrixProduct.inputGradient(
      dy: logits.span, weight: head.value.span, rows: rows, input: width, output: vocabulary,
      into: normedFlow.mutableSpan)
    if head.isTrained {
      let isAdding = try head.openGradient()
      MatrixProduct.weightGradient(
        dy: logits.span, x: normed.span, rows: rows, input: width, output: vocabulary, accumulate: isAdding,
        into: head.gradient.mutableSpan)
      normed.close()
    }
    logits.close()

    enter(.backward, .finalNorm)
    if normNeedsGradient {
      stream = try arena.open(TensorName.flow(TensorName.hidden), .activations, [rows, width])
      finalNorm.backward(
        dNormed: normedFlow.span, x: last.span, reciprocalRMS: reciprocalRMS.span, rows: rows, accumulate: false,
        into: &stream)
      try finalNorm.weightGradient(
        dNormed: normedFlow.span, x: last.span, reciprocalRMS: reciprocalRMS.span, rows: rows)
    }
    normedFlow.close()
    last.close()
    reciprocalRMS.close()
    return loss
  }

  private func backward(
    _ microBatch: MicroBatch, tokens: Span<Int32>, tapes: [LayerTape], stream: inout Tensor<Float>
  ) throws(ArenaError) {
    for layer in layers.reversed() where layer.needs.layer {
      let tape = tapes[layer.index]
      if usesGradientCheckpointing {
        try layer.recompute(
          DecoderLayer.Pass(
            phase: .recompute, microBatch: microBatch.index, dropoutSeed: microBatch.dropoutSeed), tape: tape)
      }
      try layer.backward(
        DecoderLayer.Pass(phase: .backward, microBatch: microBatch.index, dropoutSeed: microBatch.dropoutSeed),
        tape: tape, stream: &stream)
    }
    context.arena.advance(to: .step(.backward, .embedding, microBatch: microBatch.index))
    guard embedding.isTrained else { return }
    if try !embedding.openGradient() { Elementwise.fill(embedding.gradient.mutableSpan, with: 0) }
    Embedding.scatterAdd(
      gradient: stream.span, tokens: tokens, width: context.spec.hiddenSize, into: embedding.gradient.mutableSpan)
    stream.close()
  }
}
