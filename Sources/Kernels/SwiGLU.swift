import CKernels

/// The gated product of a SwiGLU block: Shazeer 2020, <https://arxiv.org/abs/2002.05202>.
///
/// Concretely `product = gate · σ(gate) · up`.
public enum SwiGLU {
  /// Computes `product = gate · σ(gate) · up`, element by element.
  public static func forward<X: Number>(gate: Span<X>, up: Span<X>, into product: consuming MutableSpan<X>) {
    expect("gate", count: gate.count, is: product.count)
    expect("up", count: up.count, is: product.count)
    let count = product.count
    guard let g = gate.address, let u = up.address, let y = product.address else { return }
    Parallelism.forEachRange(count, grain: Parallelism.elementGrain) { range in
      let offset = range.lowerBound
      plk_swiglu(y + offset, g + offset, u + offset, X.code, Int64(range.count))
    }
  }

  /// Overwrites `gate` and `up` with their gradients.
  ///
  ///     dGate = dProduct · up · σ(gate) · (1 + gate · (1 − σ(gate)))    dUp = dProduct · gate · σ(gate)
  public static func backward<X: Number>(
    dProduct: Span<X>, gate: consuming MutableSpan<X>, up: consuming MutableSpan<X>
  ) {
    expect("gate", count: gate.count, is: dProduct.count)
    expect("up", count: up.count, is: dProduct.count)
    guard let g = gate.address, let u = up.address, let dy = dProduct.address else { return }
    Parallelism.forEachRange(dProduct.count, grain: Parallelism.elementGrain) { range in
      let offset = range.lowerBound
      plk_swiglu_gradient(g + offset, u + offset, dy + offset, X.code, Int64(range.count))
    }
  }
}
