import Bookkeeping
import Kernels
import Modeling

// Shape letters here: T tokens of a micro-batch, C tokens of a chunk, H hidden, V vocabulary.

extension Decoder {
  /// C, the tokens whose scores exist at once with a chunked loss: as many as a product packs rows at once, so that the
  /// head's weight is packed no more often than for all tokens together.
  static var lossChunk: Int { 512 }

  /// Final norm, head and loss, and back to the gradient of the stream that left the last layer, in `stream`.
  func headAndLoss(
    _ part: StepPart, labels: Span<Int32>, last: inout Tensor<X>, into stream: inout Tensor<X>
  ) throws(ArenaError) -> Double {
    let arena = context.arena
    let rows = context.rows
    let width = context.spec.hiddenSize
    enter(.forward, .finalNorm, part)
    var normed: Tensor<X> = try arena.open(TensorName.finalNormed, .activations, [rows, width])
    var reciprocalRMS: Tensor<Float> = try arena.open(TensorName.finalReciprocalRMS, .activations, [rows])
    finalNorm.forward(x: last.span, rows: rows, into: &normed, reciprocalRMS: &reciprocalRMS)
    let normNeedsGradient = streamNeedsGradient || finalNorm.weight.isTrained
    if !normNeedsGradient {
      last.close()
      reciprocalRMS.close()
    }

    var normedFlow = Tensor<X>()
    let lossSum =
      switch loss {
      case .full: try fullLoss(part, labels: labels, &normed, into: &normedFlow)
      case .chunked: try chunkedLoss(part, labels: labels, &normed, into: &normedFlow)
      case .fused: try fusedLoss(part, labels: labels, &normed, into: &normedFlow)
      }

    enter(.backward, .finalNorm, part)
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
    return lossSum
  }

  func enter(_ phase: StepClock.Phase, _ place: StepClock.Place, _ part: StepPart) {
    context.arena.advance(to: .step(phase, place, microBatch: part.index))
  }

  /// Scores of all tokens at once, `[T, V]`, which their gradient overwrites.
  private func fullLoss(
    _ part: StepPart, labels: Span<Int32>, _ normed: inout Tensor<X>, into normedFlow: inout Tensor<X>
  ) throws(ArenaError) -> Double {
    let rows = context.rows
    let vocabulary = context.spec.vocabularySize
    enter(.forward, .head, part)
    var logits: Tensor<Float> = try context.arena.open(TensorName.logits, .logits, [rows, vocabulary])
    head.multiply(normed.span, rows: rows, into: logits.mutableSpan)
    if !head.isTrained { normed.close() }

    enter(.forward, .loss, part)
    let (loss, _) = CrossEntropy.forwardBackward(
      logits: logits.mutableSpan, labels: labels, rows: rows, vocabulary: vocabulary,
      gradientScale: part.gradientScale)

    enter(.backward, .head, part)
    normedFlow = try openNormedFlow()
    head.multiplyTransposed(logits.span, rows: rows, into: normedFlow.mutableSpan)
    if head.isTrained {
      try head.addGradient(dy: logits.span, x: normed.span, rows: rows)
      normed.close()
    }
    logits.close()
    return loss
  }

  /// Scores of a chunk of tokens at a time, `[C, V]`: forward, loss and backward of the head are one operation.
  private func chunkedLoss(
    _ part: StepPart, labels: Span<Int32>, _ normed: inout Tensor<X>, into normedFlow: inout Tensor<X>
  ) throws(ArenaError) -> Double {
    let rows = context.rows
    let width = context.spec.hiddenSize
    let vocabulary = context.spec.vocabularySize
    enter(.forward, .loss, part)
    normedFlow = try openNormedFlow()
    let chunk = min(Self.lossChunk, rows)
    var logits: Tensor<Float> = try context.arena.open(TensorName.logits, .logits, [chunk, vocabulary])
    var loss = 0.0
    for start in stride(from: 0, to: rows, by: chunk) {
      let count = min(chunk, rows - start)
      let hidden = start * width..<(start + count) * width
      let scores = 0..<count * vocabulary
      head.multiply(
        normed.span.extracting(hidden), rows: count, into: logits.mutableSpan._consumingExtracting(scores))
      loss +=
        CrossEntropy.forwardBackward(
          logits: logits.mutableSpan._consumingExtracting(scores), labels: labels.extracting(start..<start + count),
          rows: count, vocabulary: vocabulary, gradientScale: part.gradientScale
        ).lossSum
      let gradient = logits.span.extracting(scores)
      head.multiplyTransposed(
        gradient, rows: count, into: normedFlow.mutableSpan._consumingExtracting(hidden))
      if head.isTrained { try head.addGradient(dy: gradient, x: normed.span.extracting(hidden), rows: count) }
    }
    logits.close()
    normed.close()
    return loss
  }

  func openNormedFlow() throws(ArenaError) -> Tensor<X> {
    try context.arena.open(
      TensorName.flow(TensorName.finalNormed), .activations, [context.rows, context.spec.hiddenSize])
  }

  /// The loss alone, from the normed stream that leaves the last layer, which is closed on the way.
  func evaluateLoss(
    _ normed: inout Tensor<X>, labels: Span<Int32>
  ) throws(ArenaError) -> (lossSum: Double, counted: Int) {
    if loss == .fused { return try evaluateFusedLoss(&normed, labels: labels) }
    let rows = context.rows
    let width = context.spec.hiddenSize
    let vocabulary = context.spec.vocabularySize
    let chunk = loss == .chunked ? min(Self.lossChunk, rows) : rows
    var sum = (lossSum: 0.0, counted: 0)
    var logits: Tensor<Float> = try context.arena.open(TensorName.logits, .logits, [chunk, vocabulary])
    for start in stride(from: 0, to: rows, by: chunk) {
      let count = min(chunk, rows - start)
      head.multiply(
        normed.span.extracting(start * width..<(start + count) * width), rows: count,
        into: logits.mutableSpan._consumingExtracting(0..<count * vocabulary))
      if start + count == rows { normed.close() }
      let part = CrossEntropy.loss(
        logits: logits.span.extracting(0..<count * vocabulary), labels: labels.extracting(start..<start + count),
        rows: count, vocabulary: vocabulary)
      sum.lossSum += part.lossSum
      sum.counted += part.counted
    }
    logits.close()
    return sum
  }
}
