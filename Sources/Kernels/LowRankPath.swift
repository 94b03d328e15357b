// Shape letters here: T rows (tokens), r rank, I input width, O output width.

import CKernels

/// The low-rank path of an adapter beside a linear layer, which a product takes along in the pass that it makes anyway.
///
/// Forward, `y = x·Wᵀ + (scale · x·Aᵀ)·Bᵀ`; backward, `dx = dy·W + (scale · dy·B)·A`: Hu et al. 2021,
/// <https://arxiv.org/abs/2106.09685>, section 4.1. The bracket is the path's inner product, which is kept because the
/// factors' gradients need it. What `x` or `dy` was packed for the weight serves the path too, and `y` or `dx` is written
/// and rounded once for both.
public struct LowRankPath<Factor: Number, Inner: Number>: ~Copyable, ~Escapable {
  private let a: Span<Factor>  // [r, I]
  private let b: Span<Factor>  // [O, r]
  private let rank: Int
  private let scale: Float
  private var inner: MutableSpan<Inner>  // [T, r]

  /// A path of factors `a[r, I]` and `b[O, r]`, whose inner product `[T, r]` goes to `inner`.
  @_lifetime(copy a, copy b, copy inner)
  public init(a: Span<Factor>, b: Span<Factor>, rank: Int, scale: Float, into inner: consuming MutableSpan<Inner>) {
    self.a = a
    self.b = b
    self.rank = rank
    self.scale = scale
    self.inner = inner
  }

  /// The path of `y[T, O]`.
  mutating func forward(rows: Int, input: Int, output: Int) -> LowRankFactors<Factor, Inner>? {
    factors(
      .init(a.address, transposed: true, stride: input), .init(b.address, transposed: true, stride: rank),
      rows: rows, input: input, output: output)
  }

  /// The path of `dx[T, I]`.
  mutating func inputGradient(rows: Int, input: Int, output: Int) -> LowRankFactors<Factor, Inner>? {
    factors(
      .init(b.address, transposed: false, stride: rank), .init(a.address, transposed: false, stride: input),
      rows: rows, input: input, output: output)
  }

  private mutating func factors(
    _ down: MatrixProduct.Operand<Factor>, _ up: MatrixProduct.Operand<Factor>, rows: Int, input: Int, output: Int
  ) -> LowRankFactors<Factor, Inner>? {
    expect("a", count: a.count, is: rank * input)
    expect("b", count: b.count, is: output * rank)
    expect("inner", count: inner.count, is: rows * rank)
    guard let inner = inner.address else { return nil }
    return LowRankFactors(down: down, up: up, inner: inner, rank: rank, scale: scale)
  }
}

/// A path as a product `C [M, N] += A [M, K] · B [K, N]` takes it: `inner [M, r] = scale · A·down`, then `C += inner·up`.
struct LowRankFactors<Factor: Number, Inner: Number> {
  let down: MatrixProduct.Operand<Factor>  // [K, r]
  let up: MatrixProduct.Operand<Factor>  // [r, N]
  let inner: UnsafeMutablePointer<Inner>  // [M, r]
  let rank: Int
  let scale: Float

  /// The inner product as an operand.
  var read: MatrixProduct.Operand<Inner> { .init(UnsafePointer(inner), transposed: false, stride: rank) }

  /// The path as our own kernel takes it.
  var shared: plk_low_rank {
    plk_low_rank(
      down: down.columns, up: up.columns, inner: UnsafeMutableRawPointer(inner), rank: Int64(rank), scale: scale,
      format: Inner.format.rawValue)
  }
}

extension MatrixProduct {
  /// Computes `y[T, output] = x[T, input] · W[output, input]ᵀ` and the path beside it, added to `y` when accumulating.
  public static func forward<X: Number, W: Number, Y: Number, P: Number>(
    x: Span<X>, weight: Span<W>, path: consuming LowRankPath<P, Y>, rows: Int, input: Int, output: Int,
    accumulate: Bool = false, into y: consuming MutableSpan<Y>
  ) {
    expect("x", count: x.count, is: rows * input)
    expect("weight", count: weight.count, is: output * input)
    expect("y", count: y.count, is: rows * output)
    guard let c = y.address, let path = path.forward(rows: rows, input: input, output: output) else { return }
    run(
      Operand(x.address, transposed: false, stride: input), Operand(weight.address, transposed: true, stride: input),
      path, into: c, m: rows, n: output, k: input, accumulate: accumulate)
  }

  /// Computes `dx[T, input] = dy[T, output] · W[output, input]` and the path beside it, added to `dx` when accumulating.
  public static func inputGradient<Y: Number, W: Number, X: Number, P: Number>(
    dy: Span<Y>, weight: Span<W>, path: consuming LowRankPath<P, X>, rows: Int, input: Int, output: Int,
    accumulate: Bool = false, into dx: consuming MutableSpan<X>
  ) {
    expect("dy", count: dy.count, is: rows * output)
    expect("weight", count: weight.count, is: output * input)
    expect("dx", count: dx.count, is: rows * input)
    guard let c = dx.address, let path = path.inputGradient(rows: rows, input: input, output: output) else { return }
    run(
      Operand(dy.address, transposed: false, stride: output), Operand(weight.address, transposed: false, stride: input),
      path, into: c, m: rows, n: input, k: output, accumulate: accumulate)
  }

  /// Computes `y[T, output] = x[T, input] · W[output, input]ᵀ` for a weight in 4 bits, and the path beside it.
  public static func forward<X: Number, Y: Number, P: Number>(
    x: Span<X>, weight: borrowing NF4Operand, path: consuming LowRankPath<P, Y>, rows: Int, input: Int, output: Int,
    accumulate: Bool = false, into y: consuming MutableSpan<Y>
  ) {
    expect("x", count: x.count, is: rows * input)
    weight.check(count: output * input)
    expect("y", count: y.count, is: rows * output)
    guard let c = y.address, let path = path.forward(rows: rows, input: input, output: output) else { return }
    let a = Operand(x.address, transposed: false, stride: input).rows
    weight.withColumns(alongDepth: true, stride: input) { b in
      runBlocked(a, b, path.shared, into: c, m: rows, n: output, k: input, accumulate: accumulate)
    }
  }

  /// Computes `dx[T, input] = dy[T, output] · W[output, input]` for a weight in 4 bits, and the path beside it.
  public static func inputGradient<Y: Number, X: Number, P: Number>(
    dy: Span<Y>, weight: borrowing NF4Operand, path: consuming LowRankPath<P, X>, rows: Int, input: Int, output: Int,
    accumulate: Bool = false, into dx: consuming MutableSpan<X>
  ) {
    expect("dy", count: dy.count, is: rows * output)
    weight.check(count: output * input)
    expect("dx", count: dx.count, is: rows * input)
    guard let c = dx.address, let path = path.inputGradient(rows: rows, input: input, output: output) else { return }
    let a = Operand(dy.address, transposed: false, stride: output).rows
    weight.withColumns(alongDepth: false, stride: input) { b in
      runBlocked(a, b, path.shared, into: c, m: rows, n: input, k: output, accumulate: accumulate)
    }
  }

  /// Multiplies by the BLAS, one product after the other, or by our own kernel, all in one pass.
  private static func run<A: Number, B: Number, C: Number, P: Number>(
    _ a: Operand<A>, _ b: Operand<B>, _ path: LowRankFactors<P, C>, into c: UnsafeMutablePointer<C>, m: Int, n: Int,
    k: Int, accumulate: Bool
  ) {
    if BLASProduct.takes(A.self, B.self, C.self) {
      run(
        a, path.down, into: path.inner, m: m, n: path.rank, k: k, scale: path.scale, accumulate: false)
      run(a, b, into: c, m: m, n: n, k: k, scale: 1, accumulate: accumulate)
      run(path.read, path.up, into: c, m: m, n: n, k: path.rank, scale: 1, accumulate: true)
    } else {
      runBlocked(a.rows, b.columns, path.shared, into: c, m: m, n: n, k: k, accumulate: accumulate)
    }
  }
}
