import Bookkeeping
import Kernels
import Modeling

// Shape letters here: T tokens of a micro-batch, H hidden, V vocabulary.

extension Decoder {
  /// Runs forward and loss on the tokens and (shifted) labels that stand in the two tensors; nothing is kept.
  func evaluate(
    tokens: Span<Int32>, labels: Span<Int32>
  ) throws(ArenaError) -> (lossSum: Double, counted: Int) {
    let arena = context.arena
    let rows = context.rows
    let width = context.spec.hiddenSize
    let vocabulary = context.spec.vocabularySize
    func enter(_ place: StepClock.Place) { arena.advance(to: .step(.forward, place, microBatch: 0)) }

    enter(.embedding)
    var stream: Tensor<Float> = try arena.open(TensorName.hidden, .activations, [rows, width])
    Embedding.gather(table: embedding.value.span, tokens: tokens, width: width, into: stream.mutableSpan)
    let pass = DecoderLayer.Pass(phase: .forward, microBatch: 0, dropoutSeed: nil)
    for layer in layers {
      let tape = LayerTape()
      tape.input = stream.take()
      try layer.forward(
        pass, tape: tape, isRecording: false, keepsInput: false, outputAccount: .activations, into: &stream)
    }

    enter(.finalNorm)
    var normed: Tensor<Float> = try arena.open(TensorName.finalNormed, .activations, [rows, width])
    var reciprocalRMS: Tensor<Float> = try arena.open(TensorName.finalReciprocalRMS, .activations, [rows])
    finalNorm.forward(x: stream.span, rows: rows, into: &normed, reciprocalRMS: &reciprocalRMS)
    stream.close()
    reciprocalRMS.close()

    enter(.head)
    var logits: Tensor<Float> = try arena.open(TensorName.logits, .logits, [rows, vocabulary])
    MatrixProduct.forward(
      x: normed.span, weight: head.value.span, rows: rows, input: width, output: vocabulary,
      into: logits.mutableSpan)
    normed.close()

    enter(.loss)
    let result = CrossEntropy.loss(logits: logits.span, labels: labels, rows: rows, vocabulary: vocabulary)
    logits.close()
    return result
  }
}
