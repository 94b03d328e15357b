import CKernels

/// The lookup of token vectors in a table.
public enum Embedding {
  /// Copies row `tokens[t]` of `table[vocabulary, width]` to row `t` of `y[T, width]`.
  public static func gather<W: Number, Y: Number>(
    table: Span<W>, tokens: Span<Int32>, width: Int, into y: consuming MutableSpan<Y>
  ) {
    expect("y", count: y.count, is: tokens.count * width)
    check(tokens, vocabulary: table.count / max(1, width))
    guard let source = table.address, let indices = tokens.address, let target = y.address else { return }
    Parallelism.forEachRange(tokens.count, grain: Parallelism.rows(ofWidth: width)) { range in
      for t in range {
        Elementwise.convert(source + Int(indices[t]) * width, to: target + t * width, count: width)
      }
    }
  }

  /// Adds row `t` of `dy[T, width]` to row `tokens[t]` of `dTable[vocabulary, width]`, in the order of the tokens.
  public static func scatterAdd<X: Number>(
    gradient dy: Span<X>, tokens: Span<Int32>, width: Int, into dTable: consuming MutableSpan<Float>
  ) {
    expect("dy", count: dy.count, is: tokens.count * width)
    check(tokens, vocabulary: dTable.count / max(1, width))
    let count = tokens.count
    guard let source = dy.address, let indices = tokens.address, let target = dTable.address else { return }
    // Threads share out the columns rather than the tokens: a token that occurs twice then has one writer.
    let grain = max(64, (width / max(1, Parallelism.threads) + 63) / 64 * 64)
    Parallelism.forEachRange(width, grain: grain) { range in
      for t in 0..<count {
        let offset = range.lowerBound
        plk_add_scaled(
          target + Int(indices[t]) * width + offset, source + t * width + offset, 1, NumberFormat.fp32.rawValue,
          X.code, Int64(range.count))
      }
    }
  }

  private static func check(_ tokens: Span<Int32>, vocabulary: Int) {
    for t in tokens.indices {
      precondition(
        tokens[t] >= 0 && Int(tokens[t]) < vocabulary,
        "token \(tokens[t]) at \(t) is outside a vocabulary of \(vocabulary)")
    }
  }
}
