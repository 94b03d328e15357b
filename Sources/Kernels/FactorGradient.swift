// Shape letters here: T rows (tokens), r rank.

import CKernels

/// The gradient of a weight as narrow as a low-rank factor, `dW[output, input] = scale · dyᵀ · x`, over a kernel that packs
/// nothing: of so narrow a product, packing is the larger part.
///
/// Either operand may be the narrow one: the flow `[T, r]` of A's gradient, or the inner product `[T, r]` of B's.
struct FactorGradient {
  /// The largest rank at which this is the faster way.
  private static let largestRank = 64

  private var gradient: plk_factor_gradient

  /// Nil where this is not for that gradient: neither side is narrow, its numbers are not fp32 or its operands of one
  /// format, there is no AVX-512, or sums in fp16 are faster, which they are unless rows are packed of the wide operand.
  init?<Y: Number, X: Number, W: Number>(
    dy: Span<Y>, x: Span<X>, rows: Int, input: Int, output: Int, scale: Float, accumulate: Bool,
    into dw: UnsafeMutablePointer<W>
  ) {
    guard (1...Self.largestRank).contains(min(input, output)), rows > 0,
      ProductInstructions.used.rawValue >= ProductInstructions.avx512.rawValue, X.format == Y.format, W.format == .fp32,
      input < output || PartialSums.used != .fp16
    else { return nil }
    gradient = plk_factor_gradient()
    gradient.out = UnsafeMutableRawPointer(dw).assumingMemoryBound(to: Float.self)
    gradient.rows = Int64(rows)
    gradient.rank = Int64(min(input, output))
    gradient.width = Int64(max(input, output))
    gradient.scale = scale
    gradient.format = X.format.rawValue
    gradient.adds = accumulate ? 1 : 0
    let (dy, x) = (UnsafeRawPointer(dy.address), UnsafeRawPointer(x.address))
    if output <= input {
      (gradient.narrow, gradient.wide) = (dy, x)
    } else {
      (gradient.narrow, gradient.wide) = (x, dy)
      gradient.across = 1
    }
  }

  /// Fills the gradient on all threads that there is enough work for.
  func run() {
    let start = plk_now()
    let work = Int(gradient.rows * gradient.rank * gradient.width)
    let done = withUnsafePointer(to: gradient) {
      plk_factor_gradient_run($0, Int64(Parallelism.threads(forProducts: work)))
    }
    precondition(done != 0, "no memory is left for the \(MatrixProduct.packingBytes) bytes a matrix product packs into")
    MatrixProductMeter.add(nanoseconds: plk_now() - start, flops: UInt64(2 * work), calls: 1)
  }
}
