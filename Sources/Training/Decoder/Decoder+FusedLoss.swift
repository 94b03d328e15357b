import Bookkeeping
import Kernels
import Modeling

// Shape letters here: T tokens of a micro-batch, C tokens of a chunk, H hidden, V vocabulary, N entries of a slice.

extension Decoder {
  /// N, the entries of the vocabulary whose scores exist at once with a fused loss: a tile of scores is 16 MiB.
  private static var lossSlice: Int { 8192 }

  private var slices: [Range<Int>] {
    let vocabulary = context.spec.vocabularySize
    return stride(from: 0, to: vocabulary, by: Self.lossSlice).map { start in
      start..<min(start + Self.lossSlice, vocabulary)
    }
  }

  /// What a chunk of tokens needs while its scores come slice by slice.
  private struct Tile: ~Copyable {
    /// Scores of a chunk's tokens over a slice, then their gradient, `[C, N]`.
    var logits: Tensor<Float>
    /// `[C, 3]`.
    var statistics: Tensor<Float>

    mutating func close() {
      logits.close()
      statistics.close()
    }
  }

  private func openTile(rows: Int) throws(ArenaError) -> Tile {
    let width = min(Self.lossSlice, context.spec.vocabularySize)
    let logits: Tensor<Float> = try context.arena.open(TensorName.logits, .logits, [rows, width])
    let statistics: Tensor<Float> = try context.arena.open(
      TensorName.lossStatistics, .logits, [rows, CrossEntropy.statisticsPerRow])
    return Tile(logits: logits, statistics: statistics)
  }

  /// Scores of a chunk of tokens over a slice of the vocabulary at a time, `[C, N]`: made once for the loss and, where
  /// there are several slices, once more for their gradient.
  ///
  /// The gradient of the normed stream sums over all slices, so in fp32: where activations are narrower, in a buffer of
  /// its own, `[C, H]`.
  func fusedLoss(
    _ part: StepPart, labels: Span<Int32>, _ normed: inout Tensor<X>, into normedFlow: inout Tensor<X>
  ) throws(ArenaError) -> Double {
    let rows = context.rows
    let width = context.spec.hiddenSize
    let chunk = min(Self.lossChunk, rows)
    enter(.forward, .loss, part)
    normedFlow = try openNormedFlow()
    var tile = try openTile(rows: chunk)
    var sums = Tensor<Float>()
    let activations: ScalarFormat = X.format
    if activations != .fp32 {
      sums = try context.arena.open(
        TensorName.part("sums", of: TensorName.flow(TensorName.finalNormed)), .activations, [chunk, width])
    }
    var loss = 0.0
    for start in stride(from: 0, to: rows, by: chunk) {
      let count = min(chunk, rows - start)
      let hidden = start * width..<(start + count) * width
      let x = normed.span.extracting(hidden)
      let wanted = labels.extracting(start..<start + count)
      loss += lossOfChunk(x, labels: wanted, rows: count, tile: &tile).lossSum
      let isAdding = head.isTrained ? try head.openGradient() : false
      for slice in slices {
        let scores = 0..<count * slice.count
        if slices.count > 1 {
          head.multiply(x, rows: count, outputs: slice, into: tile.logits.mutableSpan._consumingExtracting(scores))
        }
        CrossEntropy.gradient(
          logits: tile.logits.mutableSpan._consumingExtracting(scores), slice: slice,
          statistics: tile.statistics.span.extracting(0..<count * CrossEntropy.statisticsPerRow), labels: wanted,
          rows: count, gradientScale: part.gradientScale)
        let gradient = tile.logits.span.extracting(scores)
        let isLater = slice.lowerBound > 0
        if sums.isOpen {
          head.multiplyTransposed(
            gradient, rows: count, outputs: slice, accumulate: isLater,
            into: sums.mutableSpan._consumingExtracting(0..<count * width))
        } else {
          head.multiplyTransposed(
            gradient, rows: count, outputs: slice, accumulate: isLater,
            into: normedFlow.mutableSpan._consumingExtracting(hidden))
        }
        if head.isTrained {
          head.addGradient(dy: gradient, x: x, rows: count, outputs: slice, accumulate: isAdding)
        }
      }
      if sums.isOpen {
        Elementwise.copy(
          sums.span.extracting(0..<count * width), to: normedFlow.mutableSpan._consumingExtracting(hidden))
      }
    }
    sums.close()
    tile.close()
    normed.close()
    return loss
  }

  /// The loss of a chunk of tokens; afterwards the tile holds the scores of the last slice.
  private func lossOfChunk(
    _ x: Span<X>, labels: Span<Int32>, rows: Int, tile: inout Tile
  ) -> (lossSum: Double, counted: Int) {
    let kept = 0..<rows * CrossEntropy.statisticsPerRow
    CrossEntropy.begin(tile.statistics.mutableSpan._consumingExtracting(kept), rows: rows)
    for slice in slices {
      let scores = 0..<rows * slice.count
      head.multiply(x, rows: rows, outputs: slice, into: tile.logits.mutableSpan._consumingExtracting(scores))
      CrossEntropy.add(
        logits: tile.logits.span.extracting(scores), slice: slice, labels: labels, rows: rows,
        into: tile.statistics.mutableSpan._consumingExtracting(kept))
    }
    return CrossEntropy.loss(
      statistics: tile.statistics.span.extracting(kept), labels: labels, rows: rows,
      vocabulary: context.spec.vocabularySize)
  }

  /// The loss alone, from the normed stream that leaves the last layer, which is closed on the way.
  func evaluateFusedLoss(
    _ normed: inout Tensor<X>, labels: Span<Int32>
  ) throws(ArenaError) -> (lossSum: Double, counted: Int) {
    let rows = context.rows
    let width = context.spec.hiddenSize
    let chunk = min(Self.lossChunk, rows)
    var tile = try openTile(rows: chunk)
    var sum = (lossSum: 0.0, counted: 0)
    for start in stride(from: 0, to: rows, by: chunk) {
      let count = min(chunk, rows - start)
      let part = lossOfChunk(
        normed.span.extracting(start * width..<(start + count) * width),
        labels: labels.extracting(start..<start + count), rows: count, tile: &tile)
      sum.lossSum += part.lossSum
      sum.counted += part.counted
    }
    tile.close()
    normed.close()
    return sum
  }
}
