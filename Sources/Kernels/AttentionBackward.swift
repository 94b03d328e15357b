// Shape letters here: S sequence, D head dimension, R rows of a query block.

import CKernels

/// One backward pass of attention, by contiguous shares of the query heads.
///
/// A share writes dk and dv straight into the key-value heads that begin in it. The one head that may have begun in an
/// earlier share goes to scratch and is added when all are done, in the order of the shares: no two threads write to
/// one place, and the result depends on the number of threads but not on their timing.
struct AttentionBackward {
  var shape: AttentionShape
  var scale: Float
  var dOut: UnsafePointer<Float>
  var out: UnsafePointer<Float>
  var q: UnsafePointer<Float>
  var k: UnsafePointer<Float>
  var v: UnsafePointer<Float>
  var logsumexp: UnsafePointer<Float>
  var dq: UnsafeMutablePointer<Float>
  var dk: UnsafeMutablePointer<Float>
  var dv: UnsafeMutablePointer<Float>
  var workspace: UnsafeMutablePointer<Float>
  /// Floats of workspace to a share of the heads.
  var share: Int
  var timer: ProductTimer

  /// Where a key-value head's gradients are gathered: in the result, or in scratch.
  private struct Target {
    var dk: UnsafeMutablePointer<Float>
    var dv: UnsafeMutablePointer<Float>
    var stride: Int
  }

  func run(shares: Int) {
    let heads = shape.batch * shape.heads
    Parallelism.forEachTask(shares) { index, _ in
      for head in heads * index / shares..<heads * (index + 1) / shares {
        self.head(head, firstOfShare: heads * index / shares, share: index)
      }
    }
    for index in 0..<shares {
      let first = heads * index / shares
      if first % shape.group != 0 { addScratch(of: index, to: first / shape.group) }
    }
  }

  private func head(_ index: Int, firstOfShare: Int, share: Int) {
    let element = index / shape.heads
    let head = index % shape.heads
    // Over all batch elements: key-value head `shared` begins at query head `shared * group`.
    let shared = index / shape.group
    let begins = shared * shape.group
    let target = begins >= firstOfShare ? result(shared) : scratch(share)
    let isFirst = index == max(begins, firstOfShare)

    let buffer = workspace + share * self.share
    // The last block sees every key, so it can set dk and dv where the others add to them.
    for block in (0..<shape.blocks).reversed() {
      let first = block * Attention.blockRows
      let rows = min(Attention.blockRows, shape.sequence - first)
      self.block(
        first: first, rows: rows, query: shape.queryOffset(element, first, head),
        key: shape.keyOffset(element, head / shape.group), statistics: index * shape.sequence + first, into: target,
        accumulate: !(isFirst && block == shape.blocks - 1), buffer: buffer)
    }
  }

  private func block(
    first: Int, rows: Int, query: Int, key: Int, statistics: Int, into target: Target, accumulate: Bool,
    buffer: UnsafeMutablePointer<Float>
  ) {
    let keys = first + rows
    let probabilities = buffer
    let gradient = buffer + min(Attention.blockRows, shape.sequence) * shape.sequence
    timer.product(
      shape.query(q + query), shape.key(k + key, transposed: true), into: probabilities, stride: keys, m: rows,
      n: keys, k: shape.headDimension, scale: scale)
    plk_causal_probabilities(probabilities, logsumexp + statistics, Int64(first), Int64(rows), Int64(keys))
    timer.product(
      .init(probabilities, transposed: true, stride: keys), shape.query(dOut + query), into: target.dv,
      stride: target.stride, m: keys, n: shape.headDimension, k: rows, accumulate: accumulate)
    timer.product(
      shape.query(dOut + query), shape.key(v + key, transposed: true), into: gradient, stride: keys, m: rows, n: keys,
      k: shape.headDimension)
    plk_softmax_gradient(
      gradient, probabilities, dOut + query, out + query, scale, Int64(shape.queryStride), Int64(shape.headDimension),
      Int64(rows), Int64(keys))
    timer.product(
      .init(gradient, transposed: false, stride: keys), shape.key(k + key, transposed: false), into: dq + query,
      stride: shape.queryStride, m: rows, n: shape.headDimension, k: keys)
    timer.product(
      .init(gradient, transposed: true, stride: keys), shape.query(q + query), into: target.dk, stride: target.stride,
      m: keys, n: shape.headDimension, k: rows, accumulate: accumulate)
  }

  private func result(_ shared: Int) -> Target {
    let offset = shape.keyOffset(shared / shape.keyValueHeads, shared % shape.keyValueHeads)
    return Target(dk: dk + offset, dv: dv + offset, stride: shape.keyStride)
  }

  private func scratch(_ share: Int) -> Target {
    let count = shape.sequence * shape.headDimension
    let end = workspace + (share + 1) * self.share
    return Target(dk: end - 2 * count, dv: end - count, stride: shape.headDimension)
  }

  private func addScratch(of share: Int, to shared: Int) {
    let part = scratch(share)
    let whole = result(shared)
    let width = shape.headDimension
    for position in 0..<shape.sequence {
      plk_add_scaled(whole.dk + position * whole.stride, part.dk + position * width, 1, Int64(width))
      plk_add_scaled(whole.dv + position * whole.stride, part.dv + position * width, 1, Int64(width))
    }
  }
}
