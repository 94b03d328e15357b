// Shape letters here: T rows (tokens), M, N, K the extents of a product C [M, N] += A [M, K] · B [K, N].

import CKernels

/// The three products of a linear layer, in any formats.
///
/// What is fp32 throughout goes to `cblas_sgemm`, unless the BLAS leaves the processor's AVX-512 idle; every other
/// combination goes to our own kernel, which sums in fp32. There, an fp32 operand beside a bf16 one is rounded to bf16
/// first, as it is under PyTorch's autocast, and subnormal bf16 numbers may count as zero, which is what the processor's
/// dot-product instruction does.
public enum MatrixProduct {
  /// Computes `y[T, output] = scale · x[T, input] · W[output, input]ᵀ`, added to `y` when accumulating.
  public static func forward<X: Number, W: Number, Y: Number>(
    x: Span<X>, weight: Span<W>, rows: Int, input: Int, output: Int, scale: Float = 1,
    accumulate: Bool = false, into y: consuming MutableSpan<Y>
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
  public static func inputGradient<Y: Number, W: Number, X: Number>(
    dy: Span<Y>, weight: Span<W>, rows: Int, input: Int, output: Int, scale: Float = 1,
    accumulate: Bool = false, into dx: consuming MutableSpan<X>
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
  public static func weightGradient<Y: Number, X: Number, W: Number>(
    dy: Span<Y>, x: Span<X>, rows: Int, input: Int, output: Int, scale: Float = 1, accumulate: Bool = false,
    into dw: consuming MutableSpan<W>
  ) {
    expect("dy", count: dy.count, is: rows * output)
    expect("x", count: x.count, is: rows * input)
    expect("dw", count: dw.count, is: output * input)
    guard let c = dw.address else { return }
    if let factor = FactorGradient(
      dy: dy, x: x, rows: rows, input: input, output: output, scale: scale, accumulate: accumulate, into: c)
    {
      return factor.run()
    }
    run(
      Operand(dy.address, transposed: true, stride: output), Operand(x.address, transposed: false, stride: input),
      into: c, m: output, n: input, k: rows, scale: scale, accumulate: accumulate)
  }

  /// Multiplies on all threads, by the BLAS or by our own kernel.
  static func run<A: Number, B: Number, C: Number>(
    _ a: Operand<A>, _ b: Operand<B>, into c: UnsafeMutablePointer<C>, m: Int, n: Int, k: Int, scale: Float,
    accumulate: Bool
  ) {
    let start = plk_now()
    if let blas = BLASProduct(a, b, into: c, stride: n, m: m, n: n, k: k, scale: scale, accumulate: accumulate) {
      blas.run()
    } else {
      BlockedProduct(
        a.rows, b.columns, into: c, stride: n, m: m, n: n, k: k, scale: scale, accumulate: accumulate
      ).run()
    }
    MatrixProductMeter.add(nanoseconds: plk_now() - start, flops: UInt64(2 * m * n * k), calls: 1)
  }

  /// Multiplies on the calling thread; C's rows are `stride` apart.
  static func multiply<A: Number, B: Number, C: Number>(
    _ a: Operand<A>, _ b: Operand<B>, into c: UnsafeMutablePointer<C>, stride: Int, m: Int, n: Int, k: Int,
    scale: Float, accumulate: Bool
  ) {
    if let blas = BLASProduct(a, b, into: c, stride: stride, m: m, n: n, k: k, scale: scale, accumulate: accumulate) {
      blas.multiply(rows: 0..<m, columns: 0..<n)
    } else {
      BlockedProduct(
        a.rows, b.columns, into: c, stride: stride, m: m, n: n, k: k, scale: scale, accumulate: accumulate
      ).multiply()
    }
  }

  /// A dense matrix as a product reads it: where it starts, how far its rows are apart, and which way it is read.
  struct Operand<Element: Number> {
    var base: UnsafePointer<Element>?
    var transposed: Bool
    var stride: Int

    init(_ base: UnsafePointer<Element>?, transposed: Bool, stride: Int) {
      self.base = base
      self.transposed = transposed
      self.stride = stride
    }
  }
}
