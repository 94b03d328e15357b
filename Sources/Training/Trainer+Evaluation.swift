import Bookkeeping
import Kernels
import Modeling

extension Trainer {
  /// The loss on micro-batches that nothing is learned from: forward only, and nothing is dropped.
  ///
  /// Each is on the books as a step of its own that ends with its loss; the journal holds the last.
  ///
  /// - Returns: the mean loss over all counted labels, and their number.
  public func evaluate(_ microBatches: [MicroBatch]) throws -> (loss: Double, counted: Int) {
    for batch in microBatches { try check(batch) }
    var sum = 0.0
    var counted = 0
    for batch in microBatches {
      if hasRun { arena.beginStep() }
      hasRun = true
      write(batch.tokens, to: &tokens)
      write(shift(batch.labels), to: &labels)
      let result = try decoder.evaluate(tokens: tokens.span, labels: labels.span)
      arena.rest()
      sum += result.lossSum
      counted += result.counted
    }
    guard counted > 0 else { throw TrainingError.nothingToLearn }
    return (sum / Double(counted), counted)
  }
}
