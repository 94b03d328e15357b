import CKernels

/// The exponential under softmax, the loss and SwiGLU: a polynomial in C, good to 1.1 ulp.
package enum Exponential {
  /// e to each of `x`, for the test of the error bound.
  package static func apply(_ x: [Float]) -> [Float] {
    var y = x
    var span = y.mutableSpan
    if let target = span.address, let source = x.span.address { plk_exponential(target, source, Int64(x.count)) }
    return y
  }
}
