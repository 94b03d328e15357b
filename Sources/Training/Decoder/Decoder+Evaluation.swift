import Bookkeeping
import Kernels
import Modeling

// Shape letters here: T tokens of a micro-batch, H hidden, V vocabulary.

extension Decoder {
  func evaluate(
    tokens: Span<Int32>, labels: Span<Int32>
  ) throws(ArenaError) -> (lossSum: Double, counted: Int) {
    let arena = context.arena
    let rows = context.rows
    let width = context.spec.hiddenSize
    func enter(_ place: StepClock.Place) { arena.advance(to: .step(.forward, place, microBatch: 0)) }

    enter(.embedding)
    var stream: Tensor<X> = try arena.open(TensorName.hidden, .activations, [rows, width])
    embedding.gather(tokens, into: stream.mutableSpan)
    let pass = LayerPass(phase: .forward, microBatch: 0, dropoutSeed: nil)
    for layer in layers {
      let tape = LayerTape<X>()
      tape.input = stream.take()
      try layer.forward(
        pass, tape: tape, isRecording: false, keepsInput: false, outputAccount: .activations, into: &stream)
    }

    enter(.finalNorm)
    var normed: Tensor<X> = try arena.open(TensorName.finalNormed, .activations, [rows, width])
    var reciprocalRMS: Tensor<Float> = try arena.open(TensorName.finalReciprocalRMS, .activations, [rows])
    finalNorm.forward(x: stream.span, rows: rows, into: &normed, reciprocalRMS: &reciprocalRMS)
    stream.close()
    reciprocalRMS.close()

    enter(.loss)
    return try evaluateLoss(&normed, labels: labels)
  }
}
