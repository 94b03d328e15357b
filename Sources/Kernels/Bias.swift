import CKernels

/// The bias of a linear layer.
public enum Bias {
  /// Adds `bias[columns]` to every row of `y[rows, columns]`.
  public static func add<X: Number, W: Number>(
    _ bias: Span<W>, rows: Int, columns: Int, to y: consuming MutableSpan<X>
  ) {
    expect("bias", count: bias.count, is: columns)
    expect("y", count: y.count, is: rows * columns)
    guard let source = bias.address, let target = y.address else { return }
    Parallelism.forEachRange(rows, grain: Parallelism.rows(ofWidth: columns)) { range in
      plk_bias_add(
        target + range.lowerBound * columns, source, X.code, W.code, Int64(range.count), Int64(columns))
    }
  }

  /// Sums `dy[rows, columns]` over its rows into `db[columns]`.
  public static func gradient<X: Number>(
    dy: Span<X>, rows: Int, columns: Int, accumulate: Bool = false, into db: consuming MutableSpan<Float>
  ) {
    expect("dy", count: dy.count, is: rows * columns)
    expect("db", count: db.count, is: columns)
    guard let target = db.address else { return }
    ColumnSum.run(dy.address, nil, rowScale: nil, rows: rows, width: columns, accumulate: accumulate, into: target)
  }
}

/// A sum over rows, column by column, that gives every thread columns of its own.
enum ColumnSum {
  /// Columns to a task: four cache lines, so that no two threads write to one.
  private static let grain = 64

  /// Computes `sum[j] (+)= Σ x[row, j] · y[row, j] · rowScale[row]`, absent factors being one.
  static func run<X: Number>(
    _ x: UnsafePointer<X>?, _ y: UnsafePointer<X>?, rowScale: UnsafePointer<Float>?, rows: Int, width: Int,
    accumulate: Bool, into sum: UnsafeMutablePointer<Float>
  ) {
    Parallelism.forEachRange(width, grain: grain) { range in
      plk_column_sum(
        sum, x, y, rowScale, accumulate ? 1 : 0, X.code, Int64(range.lowerBound), Int64(range.upperBound),
        Int64(rows), Int64(width))
    }
  }
}
