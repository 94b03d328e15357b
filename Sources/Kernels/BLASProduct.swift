// Shape letters here: M, N, K the extents of a product C [M, N] += A [M, K] · B [K, N].

import COpenBLAS

/// A product in fp32, over `cblas_sgemm`.
struct BLASProduct {
  private let a: MatrixProduct.Operand<Float>
  private let b: MatrixProduct.Operand<Float>
  private let c: UnsafeMutablePointer<Float>
  private let stride: Int
  private let m: Int
  private let n: Int
  private let k: Int
  private let scale: Float
  private let accumulate: Bool

  /// The smallest slice of a dimension worth a thread of its own: a few of OpenBLAS's register tiles.
  private static let smallestSlice = 48

  /// The largest slice that one call of the BLAS is given.
  ///
  /// OpenBLAS packs a panel as wide as the slice, up to 32 MiB a thread, and keeps it for the life of the process. A
  /// slice of this width packs 6 MiB, which a shared cache still holds.
  static let largestSlice = 4096

  /// Whether everything is fp32 and the BLAS does as well as the processor can.
  static func takes<A: Number, B: Number, C: Number>(_ a: A.Type, _ b: B.Type, _ c: C.Type) -> Bool {
    A.format == .fp32 && B.format == .fp32 && C.format == .fp32 && !ProductInstructions.replacesBLAS
  }

  /// Nil unless ``takes(_:_:_:)`` such a product.
  init?<A: Number, B: Number, C: Number>(
    _ a: MatrixProduct.Operand<A>, _ b: MatrixProduct.Operand<B>, into c: UnsafeMutablePointer<C>, stride: Int,
    m: Int, n: Int, k: Int, scale: Float, accumulate: Bool
  ) {
    guard Self.takes(A.self, B.self, C.self), let a = a as? MatrixProduct.Operand<Float>,
      let b = b as? MatrixProduct.Operand<Float>, let c = c as? UnsafeMutablePointer<Float>
    else { return nil }
    self.a = a
    self.b = b
    self.c = c
    self.stride = stride
    self.m = m
    self.n = n
    self.k = k
    self.scale = scale
    self.accumulate = accumulate
  }

  /// Multiplies on all threads: the longer side of C is cut into a multiple of as many slices as there are threads.
  func run() {
    let longer = max(m, n)
    let threads = Parallelism.threads
    let rounds = max(1, (longer + threads * Self.largestSlice - 1) / (threads * Self.largestSlice))
    let slices = max(1, min(threads * rounds, longer / Self.smallestSlice))
    // Whole cache lines of C to a slice, so that no two threads write to one.
    let slice = ((longer + slices - 1) / slices + 15) / 16 * 16
    Parallelism.forEachTask((longer + slice - 1) / slice) { task, _ in
      let range = task * slice..<min(longer, (task + 1) * slice)
      if m >= n {
        multiply(rows: range, columns: 0..<n)
      } else {
        multiply(rows: 0..<m, columns: range)
      }
    }
  }

  /// Multiplies a part of C on the calling thread.
  func multiply(rows: Range<Int>, columns: Range<Int>) {
    cblas_sgemm(
      CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans, b.transposed ? CblasTrans : CblasNoTrans,
      extent(rows.count), extent(columns.count), extent(k), scale,
      a.base.map { $0 + rows.lowerBound * (a.transposed ? 1 : a.stride) }, extent(a.stride),
      b.base.map { $0 + columns.lowerBound * (b.transposed ? b.stride : 1) }, extent(b.stride), accumulate ? 1 : 0,
      c + rows.lowerBound * stride + columns.lowerBound, extent(stride))
  }

  private func extent(_ value: Int) -> blasint {
    precondition(value <= Int(blasint.max), "an extent of \(value) is more than BLAS counts to, \(blasint.max)")
    return blasint(value)
  }
}
