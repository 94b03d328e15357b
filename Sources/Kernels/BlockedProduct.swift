// Shape letters here: M, N, K the extents of a product C [M, N] += A [M, K] · B [K, N].

import CKernels

/// A product of any formats, over our own kernel, which packs blocks of both operands for the caches.
///
/// Every thread that multiplies packs into a buffer of its own, ``MatrixProduct/packingBytes`` for as long as the thread
/// lives; like the BLAS's own buffers, these are no tensors.
struct BlockedProduct {
  private let product: plk_product

  init<C: Number>(
    _ a: plk_operand, _ b: plk_operand, into c: UnsafeMutablePointer<C>, stride: Int, m: Int, n: Int, k: Int,
    scale: Float, accumulate: Bool
  ) {
    product = plk_product(
      a: a, b: b, c: UnsafeMutableRawPointer(c), stride: Int64(stride), m: Int64(m), n: Int64(n), k: Int64(k),
      scale: scale, format: C.format.rawValue, adds: accumulate ? 1 : 0,
      rounds: a.format == PLK_BF16 || b.format == PLK_BF16 ? 1 : 0)
  }

  /// The fewest multiply-adds worth a thread of their own, some tens of microseconds.
  private static let smallestShare = 1 << 20

  /// Columns of C that make packing the rows' operand once more cheap.
  private static let columnGrain = 512

  /// Multiplies on all threads.
  ///
  /// Columns are cut rather than rows while there are enough of them: only the operand of the rows is then packed once
  /// for every slice, and 4-bit weights, which are the columns', are decoded but once.
  func run() {
    let (m, n, k) = (Int(product.m), Int(product.n), Int(product.k))
    let threads = max(1, min(Parallelism.threads, m * n * max(1, k) / Self.smallestShare))
    let panel = Int(PLK_PRODUCT_COLUMNS)
    let panels = (n + panel - 1) / panel
    if panels >= 2 * threads || n >= m {
      let tasks = threads == 1 ? 1 : threads * max(1, n / (threads * Self.columnGrain))
      let slice = (panels + tasks - 1) / tasks * panel
      Parallelism.forEachTask((n + slice - 1) / slice, limit: threads) { task, _ in
        multiply(rows: 0..<m, columns: task * slice..<min(n, (task + 1) * slice))
      }
    } else {
      let tile = Int(PLK_PRODUCT_ROWS)
      let tiles = (m + tile - 1) / tile
      let slice = (tiles + threads - 1) / threads * tile
      Parallelism.forEachTask((m + slice - 1) / slice, limit: threads) { task, _ in
        multiply(rows: task * slice..<min(m, (task + 1) * slice), columns: 0..<n)
      }
    }
  }

  /// Multiplies a part of C on the calling thread; columns start at a multiple of `PLK_PRODUCT_COLUMNS`.
  func multiply(rows: Range<Int>, columns: Range<Int>) {
    let done = withUnsafePointer(to: product) {
      plk_product_block(
        $0, ProductInstructions.used.rawValue, Int64(rows.lowerBound), Int64(rows.count), Int64(columns.lowerBound),
        Int64(columns.count))
    }
    precondition(done != 0, "no memory is left for the \(MatrixProduct.packingBytes) bytes a matrix product packs into")
  }
}

extension MatrixProduct {
  /// What every thread that multiplies in other formats than fp32 alone packs into, from its first product on.
  public static var packingBytes: Int { plk_product_scratch_size() }
}

extension MatrixProduct.Operand {
  /// The operand as our own kernel reads it, A if its rows are lines, B if its columns are.
  fileprivate func operand(alongDepth: Bool) -> plk_operand {
    var operand = plk_operand()
    operand.base = UnsafeRawPointer(base)
    operand.format = Element.format.rawValue
    operand.along_depth = alongDepth ? 1 : 0
    operand.stride = Int64(stride)
    return operand
  }

  /// The operand as A.
  var rows: plk_operand { operand(alongDepth: !transposed) }
  /// The operand as B.
  var columns: plk_operand { operand(alongDepth: transposed) }
}
