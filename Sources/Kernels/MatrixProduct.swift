// Shape letters here: T rows (tokens), M, N, K the extents of a product C [M, N] += A [M, K] · B [K, N].

import CKernels
import COpenBLAS

/// The three products of a linear layer, over `cblas_sgemm`.
public enum MatrixProduct {
  /// Computes `y[T, output] = scale · x[T, input] · W[output, input]ᵀ`, added to `y` when accumulating.
  public static func forward(
    x: Span<Float>, weight: Span<Float>, rows: Int, input: Int, output: Int, scale: Float = 1,
    accumulate: Bool = false, into y: consuming MutableSpan<Float>
  ) {
    expect("x", count: x.count, is: rows * input)
    expect("weight", count: weight.count, is: output * input)
    expect("y", count: y.count, is: rows * output)
    guard let c = y.address else { return }
    run(
      Operand(x.address, transposed: false, stride: input), Operand(weight.address, transposed: true, stride: input),
      into: c, m: rows, n: output, k: input, scale: scale, accumulate: accumulate)
  }

  /// Computes `dx[T, input] = scale · dy[T, output] · W[output, input]`, added to `dx` when accumulating.
  public static func inputGradient(
    dy: Span<Float>, weight: Span<Float>, rows: Int, input: Int, output: Int, scale: Float = 1,
    accumulate: Bool = false, into dx: consuming MutableSpan<Float>
  ) {
    expect("dy", count: dy.count, is: rows * output)
    expect("weight", count: weight.count, is: output * input)
    expect("dx", count: dx.count, is: rows * input)
    guard let c = dx.address else { return }
    run(
      Operand(dy.address, transposed: false, stride: output), Operand(weight.address, transposed: false, stride: input),
      into: c, m: rows, n: input, k: output, scale: scale, accumulate: accumulate)
  }

  /// Computes `dW[output, input] = scale · dy[T, output]ᵀ · x[T, input]`, added to `dW` when accumulating.
  public static func weightGradient(
    dy: Span<Float>, x: Span<Float>, rows: Int, input: Int, output: Int, scale: Float = 1, accumulate: Bool = false,
    into dw: consuming MutableSpan<Float>
  ) {
    expect("dy", count: dy.count, is: rows * output)
    expect("x", count: x.count, is: rows * input)
    expect("dw", count: dw.count, is: output * input)
    guard let c = dw.address else { return }
    run(
      Operand(dy.address, transposed: true, stride: output), Operand(x.address, transposed: false, stride: input),
      into: c, m: output, n: input, k: rows, scale: scale, accumulate: accumulate)
  }

  /// A matrix as BLAS sees it: where it starts, how far its rows are apart, and which way it is read.
  struct Operand {
    var base: UnsafePointer<Float>?
    var transposed: Bool
    var stride: Int

    init(_ base: UnsafePointer<Float>?, transposed: Bool, stride: Int) {
      self.base = base
      self.transposed = transposed
      self.stride = stride
    }

    /// The operand without its first rows, as the product reads it.
    func dropping(rows: Int) -> Operand {
      Operand(base.map { $0 + rows * (transposed ? 1 : stride) }, transposed: transposed, stride: stride)
    }

    /// The operand without its first columns, as the product reads it.
    func dropping(columns: Int) -> Operand {
      Operand(base.map { $0 + columns * (transposed ? stride : 1) }, transposed: transposed, stride: stride)
    }
  }

  /// The smallest slice of a dimension worth a thread of its own: a few of OpenBLAS's register tiles.
  private static let smallestSlice = 48

  /// The largest slice that one call of the BLAS is given.
  ///
  /// OpenBLAS packs a panel as wide as the slice, up to 32 MiB a thread, and keeps it for the life of the process. A
  /// slice of this width packs 6 MiB, which a shared cache still holds.
  static let largestSlice = 4096

  /// Multiplies on all threads: the longer side of C is cut into a multiple of as many slices as there are threads.
  private static func run(
    _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Float>, m: Int, n: Int, k: Int, scale: Float,
    accumulate: Bool
  ) {
    let start = plk_now()
    let longer = max(m, n)
    let threads = Parallelism.threads
    let rounds = max(1, (longer + threads * largestSlice - 1) / (threads * largestSlice))
    let slices = max(1, min(threads * rounds, longer / smallestSlice))
    // Whole cache lines of C to a slice, so that no two threads write to one.
    let slice = ((longer + slices - 1) / slices + 15) / 16 * 16
    Parallelism.forEachTask((longer + slice - 1) / slice) { task, _ in
      let first = task * slice
      let extent = min(slice, longer - first)
      if m >= n {
        multiply(
          a.dropping(rows: first), b, into: c + first * n, stride: n, m: extent, n: n, k: k, scale: scale,
          accumulate: accumulate)
      } else {
        multiply(
          a, b.dropping(columns: first), into: c + first, stride: n, m: m, n: extent, k: k, scale: scale,
          accumulate: accumulate)
      }
    }
    MatrixProductMeter.add(nanoseconds: plk_now() - start, flops: UInt64(2 * m * n * k), calls: 1)
  }

  /// Multiplies on the calling thread; C's rows are `stride` apart.
  static func multiply(
    _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Float>, stride: Int, m: Int, n: Int, k: Int,
    scale: Float, accumulate: Bool
  ) {
    cblas_sgemm(
      CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans, b.transposed ? CblasTrans : CblasNoTrans,
      extent(m), extent(n), extent(k), scale, a.base, extent(a.stride), b.base, extent(b.stride), accumulate ? 1 : 0,
      c, extent(stride))
  }

  private static func extent(_ value: Int) -> blasint {
    precondition(value <= Int(blasint.max), "an extent of \(value) is more than BLAS counts to, \(blasint.max)")
    return blasint(value)
  }
}
