// Shape letters here: T rows (tokens), V vocabulary, N entries of a slice of the vocabulary.

import CKernels

/// The loss from a slice of the vocabulary at a time, so that no row of scores is ever whole.
///
/// The slices of a row are first added up to what softmax divides by (Milakov and Gimelshein 2018,
/// <https://arxiv.org/abs/1805.02867>, algorithm 3), which gives the loss; made once more, each then becomes its gradient.
extension CrossEntropy {
  /// Numbers kept of each row: its largest score so far, the sum of exponentials below it, and the label's score.
  public static let statisticsPerRow = 3

  /// Empties `statistics[T, 3]`: no score has been seen.
  public static func begin(_ statistics: consuming MutableSpan<Float>, rows: Int) {
    expect("statistics", count: statistics.count, is: rows * statisticsPerRow)
    var statistics = statistics
    for row in 0..<rows {
      statistics[row * statisticsPerRow] = -.infinity
      statistics[row * statisticsPerRow + 1] = 0
      statistics[row * statisticsPerRow + 2] = 0
    }
  }

  /// Takes the scores `logits[T, N]` of the entries `slice` into the rows' statistics.
  public static func add(
    logits: Span<Float>, slice: Range<Int>, labels: Span<Int32>, rows: Int,
    into statistics: consuming MutableSpan<Float>
  ) {
    expect("logits", count: logits.count, is: rows * slice.count)
    expect("labels", count: labels.count, is: rows)
    expect("statistics", count: statistics.count, is: rows * statisticsPerRow)
    guard let source = logits.address, let chosen = labels.address, let target = statistics.address else { return }
    Parallelism.forEachRange(rows, grain: Parallelism.rows(ofWidth: slice.count)) { range in
      for row in range where chosen[row] != ignoredLabel {
        let scores = source + row * slice.count
        let kept = target + row * statisticsPerRow
        plk_logsumexp_add(kept, kept + 1, scores, Int64(slice.count))
        if slice.contains(Int(chosen[row])) { kept[2] = scores[Int(chosen[row]) - slice.lowerBound] }
      }
    }
  }

  /// The loss of rows whose scores have all been seen.
  ///
  /// - Returns: the sum of the losses of the rows that count, and how many count.
  public static func loss(
    statistics: Span<Float>, labels: Span<Int32>, rows: Int, vocabulary: Int
  ) -> (lossSum: Double, counted: Int) {
    expect("statistics", count: statistics.count, is: rows * statisticsPerRow)
    guard let kept = statistics.address else { return (0, 0) }
    return sum(labels: labels, rows: rows, vocabulary: vocabulary) { row, _ in
      let kept = kept + row * statisticsPerRow
      return plk_logsumexp(kept[0], kept[1]) - Double(kept[2])
    } ignored: { _ in
    }
  }

  /// Overwrites the scores `logits[T, N]` of the entries `slice` with `(softmax − onehot(label)) · gradientScale`, rows
  /// without a label with zero.
  public static func gradient(
    logits: consuming MutableSpan<Float>, slice: Range<Int>, statistics: Span<Float>, labels: Span<Int32>, rows: Int,
    gradientScale: Float
  ) {
    expect("logits", count: logits.count, is: rows * slice.count)
    expect("labels", count: labels.count, is: rows)
    expect("statistics", count: statistics.count, is: rows * statisticsPerRow)
    guard let target = logits.address, let chosen = labels.address, let kept = statistics.address else { return }
    Parallelism.forEachRange(rows, grain: Parallelism.rows(ofWidth: slice.count)) { range in
      for row in range {
        let scores = target + row * slice.count
        if chosen[row] == ignoredLabel {
          plk_fill(scores, 0, Float.code, Int64(slice.count))
        } else {
          plk_cross_entropy_slice(
            scores, kept[row * statisticsPerRow], kept[row * statisticsPerRow + 1], gradientScale,
            Int64(Int(chosen[row]) - slice.lowerBound), Int64(slice.count))
        }
      }
    }
  }
}
