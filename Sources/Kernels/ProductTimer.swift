import CKernels
import Synchronization

/// Gathers the matrix products of one parallel region for the meter, from all its threads.
final class ProductTimer: Sendable {
  private let threads: Int
  private let nanoseconds = Atomic<UInt64>(0)
  private let flops = Atomic<UInt64>(0)
  private let calls = Atomic<Int>(0)

  init(threads: Int) {
    self.threads = threads
  }

  /// Multiplies on the calling thread and takes the time.
  func product<A: Number, B: Number, C: Number>(
    _ a: MatrixProduct.Operand<A>, _ b: MatrixProduct.Operand<B>, into c: UnsafeMutablePointer<C>, stride: Int, m: Int,
    n: Int, k: Int, scale: Float = 1, accumulate: Bool = false
  ) {
    let start = plk_now()
    MatrixProduct.multiply(a, b, into: c, stride: stride, m: m, n: n, k: k, scale: scale, accumulate: accumulate)
    add(since: start, flops: 2 * m * n * k)
  }

  /// Multiplies by what was packed before.
  func product<A: Number>(
    _ a: MatrixProduct.Operand<A>, _ b: PackedColumns, into c: UnsafeMutablePointer<Float>, stride: Int, m: Int,
    n: Int, k: Int, scale: Float = 1, accumulate: Bool = false
  ) {
    let start = plk_now()
    BlockedProduct(
      a.rows, b.columns, into: c, stride: stride, m: m, n: n, k: k, scale: scale, accumulate: accumulate
    ).multiply()
    add(since: start, flops: 2 * m * n * k)
  }

  private func add(since start: UInt64, flops work: Int) {
    nanoseconds.wrappingAdd(plk_now() - start, ordering: .relaxed)
    flops.wrappingAdd(UInt64(work), ordering: .relaxed)
    calls.wrappingAdd(1, ordering: .relaxed)
  }

  /// Posts what was gathered: the threads' time divided by their number.
  func report() {
    MatrixProductMeter.add(
      nanoseconds: nanoseconds.load(ordering: .relaxed) / UInt64(threads), flops: flops.load(ordering: .relaxed),
      calls: calls.load(ordering: .relaxed))
  }
}
