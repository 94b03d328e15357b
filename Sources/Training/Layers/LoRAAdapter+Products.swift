import Bookkeeping
import Kernels

// Shape letters here: T tokens, r rank, I input width, O output width.

// A frozen product and the path beside it, for weights and adapters in either format.
extension LoRAAdapter {
  /// y `[T, O]` (+)= x `[T, I]`·Wᵀ and the path, whose scale · A·x goes to `inner` `[T, r]`.
  func forward<X: StoredNumber, W: Number>(
    x: Span<X>, beside weight: Span<W>, inner: inout Tensor<X>, rows: Int, accumulate: Bool,
    into y: consuming MutableSpan<X>
  ) {
    if format == .bf16 {
      MatrixProduct.forward(
        x: x, weight: weight,
        path: LowRankPath(
          a: a.narrowValue.span, b: b.narrowValue.span, rank: rank, scale: scale, into: inner.mutableSpan),
        rows: rows, input: input, output: output, accumulate: accumulate, into: y)
    } else {
      MatrixProduct.forward(
        x: x, weight: weight,
        path: LowRankPath(a: a.value.span, b: b.value.span, rank: rank, scale: scale, into: inner.mutableSpan),
        rows: rows, input: input, output: output, accumulate: accumulate, into: y)
    }
  }

  /// The same beside a weight in 4 bits.
  func forward<X: StoredNumber>(
    x: Span<X>, beside weight: borrowing NF4Operand, inner: inout Tensor<X>, rows: Int, accumulate: Bool,
    into y: consuming MutableSpan<X>
  ) {
    if format == .bf16 {
      MatrixProduct.forward(
        x: x, weight: weight,
        path: LowRankPath(
          a: a.narrowValue.span, b: b.narrowValue.span, rank: rank, scale: scale, into: inner.mutableSpan),
        rows: rows, input: input, output: output, accumulate: accumulate, into: y)
    } else {
      MatrixProduct.forward(
        x: x, weight: weight,
        path: LowRankPath(a: a.value.span, b: b.value.span, rank: rank, scale: scale, into: inner.mutableSpan),
        rows: rows, input: input, output: output, accumulate: accumulate, into: y)
    }
  }

  /// dx `[T, I]` (+)= dy `[T, O]`·W and the path, whose scale · dy·B goes to `inner` `[T, r]`.
  func inputGradient<X: StoredNumber, W: Number>(
    dy: Span<X>, beside weight: Span<W>, inner: inout Tensor<X>, rows: Int, accumulate: Bool,
    into dx: consuming MutableSpan<X>
  ) {
    if format == .bf16 {
      MatrixProduct.inputGradient(
        dy: dy, weight: weight,
        path: LowRankPath(
          a: a.narrowValue.span, b: b.narrowValue.span, rank: rank, scale: scale, into: inner.mutableSpan),
        rows: rows, input: input, output: output, accumulate: accumulate, into: dx)
    } else {
      MatrixProduct.inputGradient(
        dy: dy, weight: weight,
        path: LowRankPath(a: a.value.span, b: b.value.span, rank: rank, scale: scale, into: inner.mutableSpan),
        rows: rows, input: input, output: output, accumulate: accumulate, into: dx)
    }
  }

  /// The same beside a weight in 4 bits.
  func inputGradient<X: StoredNumber>(
    dy: Span<X>, beside weight: borrowing NF4Operand, inner: inout Tensor<X>, rows: Int, accumulate: Bool,
    into dx: consuming MutableSpan<X>
  ) {
    if format == .bf16 {
      MatrixProduct.inputGradient(
        dy: dy, weight: weight,
        path: LowRankPath(
          a: a.narrowValue.span, b: b.narrowValue.span, rank: rank, scale: scale, into: inner.mutableSpan),
        rows: rows, input: input, output: output, accumulate: accumulate, into: dx)
    } else {
      MatrixProduct.inputGradient(
        dy: dy, weight: weight,
        path: LowRankPath(a: a.value.span, b: b.value.span, rank: rank, scale: scale, into: inner.mutableSpan),
        rows: rows, input: input, output: output, accumulate: accumulate, into: dx)
    }
  }

  private var format: ScalarFormat { a.format }
}
