// Shape letters here: D head dimension.

import CKernels

/// The extents of an attention and where its heads lie.
struct AttentionShape {
  var batch: Int
  var sequence: Int
  var heads: Int
  var keyValueHeads: Int
  var headDimension: Int

  init(batch: Int, sequence: Int, heads: Int, keyValueHeads: Int, headDimension: Int) {
    precondition(
      keyValueHeads > 0 && heads % keyValueHeads == 0,
      "\(heads) query heads cannot be shared out over \(keyValueHeads) key-value heads")
    self.batch = batch
    self.sequence = sequence
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headDimension = headDimension
  }

  /// Query heads to a key-value head.
  var group: Int { heads / keyValueHeads }
  var queryStride: Int { heads * headDimension }
  var keyStride: Int { keyValueHeads * headDimension }
  var queryCount: Int { batch * sequence * queryStride }
  var keyCount: Int { batch * sequence * keyStride }
  var blocks: Int { (sequence + Attention.blockRows - 1) / Attention.blockRows }
  /// Rows of a block that is whole.
  var blockRows: Int { min(Attention.blockRows, sequence) }
  /// Keys of a tile that is whole.
  var tileKeys: Int { min(Attention.tileKeys, sequence) }

  func queryOffset(_ element: Int, _ position: Int, _ head: Int) -> Int {
    (element * sequence + position) * queryStride + head * headDimension
  }

  func keyOffset(_ element: Int, _ head: Int) -> Int {
    element * sequence * keyStride + head * headDimension
  }
}

/// Where the blocks of all heads are cut into shares of about as many keys.
///
/// Blocks are counted head by head, and within a head from its last, which has the most keys, to its first.
struct AttentionCuts {
  private let firsts: [Int]

  init(_ shape: AttentionShape, shares: Int) {
    let keys = (0..<shape.blocks).reversed().map { min(($0 + 1) * Attention.blockRows, shape.sequence) }
    let headKeys = keys.reduce(0, +)
    let heads = shape.batch * shape.heads
    firsts = (0...shares).map { share in
      let before = heads * headKeys * share / shares
      var place = before / headKeys * shape.blocks
      // To the nearer end of the block that the cut falls into.
      var left = before % headKeys
      for count in keys where left > 0 {
        if 2 * left >= count { place += 1 }
        left -= count
      }
      return place
    }
  }

  func blocks(of share: Int) -> Range<Int> { firsts[share]..<firsts[share + 1] }
}

/// Rows of one head as its products read them, `[rows, D]`: where they lie, if that is what they are stored in, or in fp32,
/// widened into a buffer.
struct HeadRows<Factor: Number> {
  let base: UnsafePointer<Factor>
  let stride: Int

  init<X: Number>(
    _ source: UnsafePointer<X>, stride: Int, rows: Int, width: Int, widenedInto buffer: UnsafeMutablePointer<Float>
  ) {
    if X.format == Factor.format {
      base = UnsafeRawPointer(source).assumingMemoryBound(to: Factor.self)
      self.stride = stride
    } else {
      precondition(Factor.format == .fp32, "rows are widened to fp32 or read where they lie")
      plk_widen_rows(buffer, source, X.code, Int64(stride), Int64(rows), Int64(width))
      base = UnsafeRawPointer(buffer).assumingMemoryBound(to: Factor.self)
      self.stride = width
    }
  }

  var plain: MatrixProduct.Operand<Factor> { .init(base, transposed: false, stride: stride) }
  var transposed: MatrixProduct.Operand<Factor> { .init(base, transposed: true, stride: stride) }
}

/// Where a product adds up rows of one head in fp32: in their place, or in a buffer to be rounded from.
struct HeadSums {
  let base: UnsafeMutablePointer<Float>
  let stride: Int

  init<X: Number>(
    _ target: UnsafeMutablePointer<X>, stride: Int, width: Int, roundedFrom buffer: UnsafeMutablePointer<Float>
  ) {
    if X.format == .fp32 {
      base = UnsafeMutableRawPointer(target).assumingMemoryBound(to: Float.self)
      self.stride = stride
    } else {
      base = buffer
      self.stride = width
    }
  }

  /// Rounds the rows into their place, if they are apart from it.
  func round<X: Number>(into target: UnsafeMutablePointer<X>, stride: Int, rows: Int, width: Int) {
    guard X.format != .fp32 else { return }
    for row in 0..<rows {
      Elementwise.convert(UnsafePointer(base + row * self.stride), to: target + row * stride, count: width)
    }
  }
}
