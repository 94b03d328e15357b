// Shape letters here: T rows (tokens), V vocabulary.

import CKernels

/// The causal language model's loss: softmax cross-entropy, its gradient taken on the way.
public enum CrossEntropy {
  /// The label of a row that does not count, as in PyTorch's `cross_entropy`.
  public static let ignoredLabel: Int32 = -100

  /// Overwrites `logits[T, V]` with `(softmax − onehot(label)) · gradientScale`, rows without a label with zero.
  ///
  /// - Parameter labels: one a row, already shifted.
  /// - Returns: the sum of the losses of the rows that count, and how many count.
  public static func forwardBackward(
    logits: consuming MutableSpan<Float>, labels: Span<Int32>, rows: Int, vocabulary: Int, gradientScale: Float
  ) -> (lossSum: Double, counted: Int) {
    expect("logits", count: logits.count, is: rows * vocabulary)
    guard let target = logits.address else { return (0, 0) }
    return sum(labels: labels, rows: rows, vocabulary: vocabulary) { row, label in
      plk_cross_entropy_gradient(target + row * vocabulary, gradientScale, Int64(label), Int64(vocabulary))
    } ignored: { row in
      plk_fill(target + row * vocabulary, 0, Float.code, Int64(vocabulary))
    }
  }

  /// The loss alone; `logits[T, V]` are only read.
  ///
  /// - Returns: the sum of the losses of the rows that count, and how many count.
  public static func loss(
    logits: Span<Float>, labels: Span<Int32>, rows: Int, vocabulary: Int
  ) -> (lossSum: Double, counted: Int) {
    expect("logits", count: logits.count, is: rows * vocabulary)
    guard let source = logits.address else { return (0, 0) }
    return sum(labels: labels, rows: rows, vocabulary: vocabulary) { row, label in
      plk_cross_entropy(source + row * vocabulary, Int64(label), Int64(vocabulary))
    } ignored: { _ in
    }
  }

  /// Adds up the rows' losses in the order of the rows, whoever computed them.
  static func sum(
    labels: Span<Int32>, rows: Int, vocabulary: Int, loss: (_ row: Int, _ label: Int32) -> Double,
    ignored: (_ row: Int) -> Void
  ) -> (lossSum: Double, counted: Int) {
    expect("labels", count: labels.count, is: rows)
    var counted = 0
    for row in 0..<rows where labels[row] != ignoredLabel {
      precondition(
        labels[row] >= 0 && Int(labels[row]) < vocabulary,
        "label \(labels[row]) of row \(row) is outside a vocabulary of \(vocabulary)")
      counted += 1
    }
    guard let chosen = labels.address else { return (0, 0) }
    return withUnsafeTemporaryAllocation(of: Double.self, capacity: rows) { losses in
      guard let losses = losses.baseAddress else { return (0, 0) }
      Parallelism.forEachRange(rows, grain: Parallelism.rows(ofWidth: vocabulary)) { range in
        for row in range {
          if chosen[row] == ignoredLabel {
            ignored(row)
            (losses + row).initialize(to: 0)
          } else {
            (losses + row).initialize(to: loss(row, chosen[row]))
          }
        }
      }
      return ((0..<rows).reduce(0) { $0 + losses[$1] }, counted)
    }
  }
}
