// Shape letters here: T rows (tokens), r rank, I input width, O output width.

import CKernels

/// The low-rank path of an adapter beside a linear layer, which a product takes along in the pass that it makes anyway.
///
/// Forward, `y = x·Wᵀ + (scale · x·Aᵀ)·Bᵀ`; backward, `dx = dy·W + (scale · dy·B)·A`: Hu et al. 2021,
/// <https://arxiv.org/abs/2106.09685>, section 4.1. The bracket is the path's inner product, which is kept because the
/// factors' gradients need it. What `x` or `dy` was packed for the weight serves the path too, and `y` or `dx` is written
/// and rounded once for both.
public struct LowRankPath<Inner: Number>: ~Copyable, ~Escapable {
  private let a: FactorOperand  // [r, I]
  private let b: FactorOperand  // [O, r]
  private let rank: Int
  private let scale: Float
  private var inner: MutableSpan<Inner>  // [T, r]

  /// A path of factors `a[r, I]` and `b[O, r]`, whose inner product `[T, r]` goes to `inner`.
  @_lifetime(copy a, copy b, copy inner)
  public init<Factor: Number>(
    a: Span<Factor>, b: Span<Factor>, rank: Int, scale: Float, into inner: consuming MutableSpan<Inner>
  ) {
    self.a = FactorOperand(a)
    self.b = FactorOperand(b)
    self.rank = rank
    self.scale = scale
    self.inner = inner
  }

  /// The path of `y[T, O]`.
  mutating func forward(rows: Int, input: Int, output: Int) -> LowRankFactors<Inner>? {
    check(rows: rows, input: input, output: output)
    return inner.address.map {
      LowRankFactors(
        down: a.columns(alongDepth: true, stride: input), up: b.columns(alongDepth: true, stride: rank), inner: $0,
        rank: rank, scale: scale)
    }
  }

  /// The path of `dx[T, I]`.
  mutating func inputGradient(rows: Int, input: Int, output: Int) -> LowRankFactors<Inner>? {
    check(rows: rows, input: input, output: output)
    return inner.address.map {
      LowRankFactors(
        down: b.columns(alongDepth: false, stride: rank), up: a.columns(alongDepth: false, stride: input), inner: $0,
        rank: rank, scale: scale)
    }
  }

  private func check(rows: Int, input: Int, output: Int) {
    expect("a", count: a.count, is: rank * input)
    expect("b", count: b.count, is: output * rank)
    expect("inner", count: inner.count, is: rows * rank)
  }
}

/// A factor of a path in whatever it is stored in.
private struct FactorOperand {
  let count: Int
  private let base: UnsafeRawPointer?
  private let format: NumberFormat

  init<Factor: Number>(_ factor: Span<Factor>) {
    count = factor.count
    base = UnsafeRawPointer(factor.address)
    format = Factor.format
  }

  func columns(alongDepth: Bool, stride: Int) -> plk_operand {
    var operand = plk_operand()
    operand.base = base
    operand.format = format.rawValue
    operand.along_depth = alongDepth ? 1 : 0
    operand.stride = Int64(stride)
    return operand
  }
}

/// A path as a product `C [M, N] += A [M, K] · B [K, N]` takes it: `inner [M, r] = scale · A·down`, then `C += inner·up`.
struct LowRankFactors<Inner: Number> {
  let down: plk_operand  // [K, r]
  let up: plk_operand  // [r, N]
  let inner: UnsafeMutablePointer<Inner>  // [M, r]
  let rank: Int
  let scale: Float

  /// The path as our own kernel takes it.
  var shared: plk_low_rank {
    plk_low_rank(
      down: down, up: up, inner: UnsafeMutableRawPointer(inner), rank: Int64(rank), scale: scale,
      format: Inner.format.rawValue)
  }
}

extension MatrixProduct {
  /// Computes `y[T, output] = x[T, input] · W[output, input]ᵀ` and the path beside it, added to `y` when accumulating.
  public static func forward<X: Number, W: Number, Y: Number>(
    x: Span<X>, weight: Span<W>, path: consuming LowRankPath<Y>, rows: Int, input: Int, output: Int,
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
  public static func inputGradient<Y: Number, W: Number, X: Number>(
    dy: Span<Y>, weight: Span<W>, path: consuming LowRankPath<X>, rows: Int, input: Int, output: Int,
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
  public static func forward<X: Number, Y: Number>(
    x: Span<X>, weight: borrowing NF4Operand, path: consuming LowRankPath<Y>, rows: Int, input: Int, output: Int,
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
  public static func inputGradient<Y: Number, X: Number>(
    dy: Span<Y>, weight: borrowing NF4Operand, path: consuming LowRankPath<X>, rows: Int, input: Int, output: Int,
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

  /// Multiplies by the BLAS, one product after the other with our own kernel for the path, or all in one pass.
  private static func run<A: Number, B: Number, C: Number>(
    _ a: Operand<A>, _ b: Operand<B>, _ path: LowRankFactors<C>, into c: UnsafeMutablePointer<C>, m: Int, n: Int,
    k: Int, accumulate: Bool
  ) {
    guard BLASProduct.takes(A.self, B.self, C.self) else {
      return runBlocked(a.rows, b.columns, path.shared, into: c, m: m, n: n, k: k, accumulate: accumulate)
    }
    runBlocked(a.rows, path.down, into: path.inner, m: m, n: path.rank, k: k, scale: path.scale, accumulate: false)
    run(a, b, into: c, m: m, n: n, k: k, scale: 1, accumulate: accumulate)
    let inner = Operand(UnsafePointer(path.inner), transposed: false, stride: path.rank)
    runBlocked(inner.rows, path.up, into: c, m: m, n: n, k: path.rank, accumulate: true)
  }
}
