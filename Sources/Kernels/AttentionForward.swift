// Shape letters here: D head dimension, R rows of a query block, K keys of a tile.

import CKernels

/// One forward pass of attention; every block of every head is a task.
///
/// Its products read queries, keys and values as `Factor`s: fp32, or what they are stored in.
struct AttentionForward<X: Number, Factor: Number> {
  var shape: AttentionShape
  var scale: Float
  var q: UnsafePointer<X>
  var k: UnsafePointer<X>
  var v: UnsafePointer<X>
  var out: UnsafeMutablePointer<X>
  var logsumexp: UnsafeMutablePointer<Float>
  var workspace: UnsafeMutablePointer<Float>
  /// Floats of workspace to a thread.
  var share: Int
  var timer: ProductTimer

  func run(threads: Int) {
    let heads = shape.batch * shape.heads
    // The long last blocks first, so that the threads end together.
    Parallelism.forEachTask(heads * shape.blocks, limit: threads) { task, worker in
      block(shape.blocks - 1 - task / heads, head: task % heads, workspace + worker * share)
    }
  }

  private func block(_ block: Int, head index: Int, _ buffer: UnsafeMutablePointer<Float>) {
    let (element, head) = (index / shape.heads, index % shape.heads)
    let width = shape.headDimension
    let first = block * Attention.blockRows
    let rows = min(Attention.blockRows, shape.sequence - first)
    let query = shape.queryOffset(element, first, head)
    let key = shape.keyOffset(element, head / shape.group)

    let sums = UnsafeMutableRawPointer(buffer).assumingMemoryBound(to: Double.self)  // [R]
    let largest = buffer + 2 * Attention.blockRows  // [R]
    let scores = largest + Attention.blockRows  // [R, K]
    // What follows is there only for operands that have to be widened.
    let queries = scores + shape.blockRows * shape.tileKeys  // [R, D]
    let values = queries + shape.blockRows * width  // [R, D]
    let keyTile = values + shape.blockRows * width  // [K, D]
    let valueTile = keyTile + shape.tileKeys * width  // [K, D]

    let q = HeadRows<Factor>(q + query, stride: shape.queryStride, rows: rows, width: width, widenedInto: queries)
    let sum = HeadSums(out + query, stride: shape.queryStride, width: width, roundedFrom: values)
    for start in stride(from: 0, to: first + rows, by: Attention.tileKeys) {
      let keys = min(Attention.tileKeys, first + rows - start)
      let tile = key + start * shape.keyStride
      let k = HeadRows<Factor>(k + tile, stride: shape.keyStride, rows: keys, width: width, widenedInto: keyTile)
      let v = HeadRows<Factor>(v + tile, stride: shape.keyStride, rows: keys, width: width, widenedInto: valueTile)
      timer.product(q.plain, k.transposed, into: scores, stride: keys, m: rows, n: keys, k: width, scale: scale)
      plk_softmax_tile(
        scores, sum.base, largest, sums, start == 0 ? 1 : 0, Int64(first - start), Int64(sum.stride), Int64(rows),
        Int64(keys), Int64(width))
      timer.product(
        MatrixProduct.Operand(UnsafePointer(scores), transposed: false, stride: keys), v.plain, into: sum.base,
        stride: sum.stride, m: rows, n: width, k: keys, accumulate: start > 0)
    }
    plk_softmax_end(
      out + query, sum.base, largest, sums, logsumexp + index * shape.sequence + first, X.code,
      Int64(shape.queryStride), Int64(rows), Int64(width))
  }
}
