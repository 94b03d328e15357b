// Shape letters here: M, N, K the extents of a product C [M, N] += A [M, K] · B [K, N].

import CKernels

/// A product of any formats, over our own kernel, which packs blocks of both operands for the caches.
///
/// The rows' operand is packed once by all threads together; each then takes columns, which it packs for itself, and in the
/// end rows of another thread's columns, so that one whose processor others share doesn't keep the rest waiting. They pack
/// into buffers of their own, ``MatrixProduct/packingBytes`` for as long as a thread lives; like the BLAS's own
/// buffers, these are no tensors.
struct BlockedProduct {
  private var product: plk_product

  init<C: Number>(
    _ a: plk_operand, _ b: plk_operand, into c: UnsafeMutablePointer<C>, stride: Int, m: Int, n: Int, k: Int,
    scale: Float, accumulate: Bool
  ) {
    product = plk_product(
      a: a, b: b, low_rank: nil, c: UnsafeMutableRawPointer(c), stride: Int64(stride), m: Int64(m), n: Int64(n),
      k: Int64(k),
      scale: scale, format: C.format.rawValue, adds: accumulate ? 1 : 0,
      rounds: a.format == PLK_BF16 || b.format == PLK_BF16 || b.format == PLK_PACKED ? 1 : 0)
  }

  /// Multiplies on all threads that there is enough work for, a low-rank path along with the rest.
  func run(_ path: plk_low_rank? = nil) {
    let work = Int(product.m) * Int(product.n) * max(1, Int(product.k))
    let threads = Parallelism.threads(forProducts: work)
    guard let path else { return multiply(threads: threads) }
    withUnsafePointer(to: path) {
      var both = self
      both.product.low_rank = $0
      both.multiply(threads: threads)
    }
  }

  /// Multiplies on so many threads, the calling one among them.
  func multiply(threads: Int = 1) {
    let instructions = PartialSums.used == .fp16 ? Int32(PLK_AVX512_FP16) : ProductInstructions.used.rawValue
    let done = withUnsafePointer(to: product) { plk_product_run($0, instructions, Int64(threads)) }
    precondition(done != 0, "no memory is left for the \(MatrixProduct.packingBytes) bytes a matrix product packs into")
  }
}

extension MatrixProduct {
  /// What every thread that multiplies packs into at most, from its first product on.
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
