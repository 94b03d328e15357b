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
    guard packedTile(in: workspace) != nil else {
      // The long last blocks first, so that the threads end together.
      Parallelism.forEachTask(heads * shape.blocks, limit: threads) { task, worker in
        block(shape.blocks - 1 - task / heads, head: task % heads, workspace + worker * share)
      }
      return
    }
    // The blocks of the heads that share keys and values one after the other, so that each thread packs these once.
    for worker in 0..<threads { packedHead(in: workspace + worker * share).pointee = .max }
    let tasks = shape.group * shape.blocks
    Parallelism.forEachTask(heads / shape.group * tasks, limit: threads) { task, worker in
      let (shared, rest) = (task / tasks, task % tasks)
      block(
        shape.blocks - 1 - rest / shape.group, head: shared * shape.group + rest % shape.group,
        workspace + worker * share)
    }
  }

  /// What a thread's workspace has of keys and values in packed form, in the place of widened ones.
  private func packedTile(in buffer: UnsafeMutablePointer<Float>) -> PackedTile? {
    let room = 2 * shape.tileKeys * shape.headDimension
    return PackedTile(shape, .forward, of: X.self, in: buffer + share - room, room: room)
  }

  /// Whose keys and values these are; in the place of widened queries.
  private func packedHead(in buffer: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<UInt32> {
    let queries = buffer + 3 * Attention.blockRows + shape.blockRows * shape.tileKeys
    return UnsafeMutableRawPointer(queries).assumingMemoryBound(to: UInt32.self)
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

    let packed = packedTile(in: buffer)
    let shared = UInt32(truncatingIfNeeded: index / shape.group)
    if let packed, packedHead(in: buffer).pointee != shared {
      packed.fill(k + key, v + key, stride: shape.keyStride)
      packedHead(in: buffer).pointee = shared
    }
    let q = HeadRows<Factor>(q + query, stride: shape.queryStride, rows: rows, width: width, widenedInto: queries)
    let sum = HeadSums(out + query, stride: shape.queryStride, width: width, roundedFrom: values)
    for start in stride(from: 0, to: first + rows, by: Attention.tileKeys) {
      let keys = packed?.keyCount(before: first + rows) ?? min(Attention.tileKeys, first + rows - start)
      let tile = key + start * shape.keyStride
      let k = HeadRows<Factor>(k + tile, stride: shape.keyStride, rows: keys, width: width, widenedInto: keyTile)
      let v = HeadRows<Factor>(v + tile, stride: shape.keyStride, rows: keys, width: width, widenedInto: valueTile)
      if let packed {
        timer.product(q.plain, packed.keys, into: scores, stride: keys, m: rows, n: keys, k: width, scale: scale)
      } else {
        timer.product(q.plain, k.transposed, into: scores, stride: keys, m: rows, n: keys, k: width, scale: scale)
      }
      plk_softmax_tile(
        scores, sum.base, largest, sums, start == 0 ? 1 : 0, Int64(first - start), Int64(sum.stride), Int64(rows),
        Int64(keys), Int64(width))
      let probabilities = MatrixProduct.Operand(UnsafePointer(scores), transposed: false, stride: keys)
      if let packed {
        timer.product(
          probabilities, packed.values, into: sum.base, stride: sum.stride, m: rows, n: width, k: keys)
      } else {
        timer.product(
          probabilities, v.plain, into: sum.base, stride: sum.stride, m: rows, n: width, k: keys,
          accumulate: start > 0)
      }
    }
    plk_softmax_end(
      out + query, sum.base, largest, sums, logsumexp + index * shape.sequence + first, X.code,
      Int64(shape.queryStride), Int64(rows), Int64(width))
  }
}
