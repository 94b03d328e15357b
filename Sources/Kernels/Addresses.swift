// The one place where spans become addresses.

import CKernels

extension Span where Element: BitwiseCopyable {
  /// Where the elements are, for the length of the call that was given this span.
  ///
  /// A span is an address and a count whose owner the caller keeps borrowed until the call returns, so the address may
  /// leave the closure. An empty span may have none: kernels are not called for it.
  var address: UnsafePointer<Element>? { withUnsafeBufferPointer { $0.baseAddress } }
}

extension MutableSpan where Element: BitwiseCopyable {
  /// Where the elements are, for the length of the call that was given this span.
  var address: UnsafeMutablePointer<Element>? {
    mutating get { withUnsafeMutableBufferPointer { $0.baseAddress } }
  }
}

/// Traps unless an operand holds as many elements as its shape says.
@inline(__always)
func expect(
  _ operand: StaticString, count: Int, is expected: Int, file: StaticString = #fileID, line: UInt = #line
) {
  precondition(
    count == expected, "\(operand) holds \(count) elements where its shape has \(expected)", file: file, line: line)
}
