// Shape letters here: S sequence, D head dimension, R rows of a query block, K keys of a tile.

import CKernels

/// One backward pass of attention, by contiguous shares of the query heads' blocks.
///
/// The shares have as many keys to multiply each, so that a head may be cut between blocks: heads are often too few to be
/// shared out evenly. A share adds dk and dv of the key-value heads that begin in it up in their place, or in bf16 in scratch from which
/// they are rounded. The one head that may have begun in an earlier share goes to other scratch and is added when all are
/// done, in the order of the shares: no two threads write to one place, and the result depends on the number of threads
/// but not on their timing.
///
/// Products read queries, keys, values and dOut as `Factor`s: fp32, or what they are stored in.
struct AttentionBackward<X: Number, Factor: Number> {
  var shape: AttentionShape
  var scale: Float
  var dOut: UnsafePointer<X>
  var out: UnsafePointer<X>
  var q: UnsafePointer<X>
  var k: UnsafePointer<X>
  var v: UnsafePointer<X>
  var logsumexp: UnsafePointer<Float>
  var dq: UnsafeMutablePointer<X>
  var dk: UnsafeMutablePointer<X>
  var dv: UnsafeMutablePointer<X>
  var workspace: UnsafeMutablePointer<Float>
  /// Floats of workspace to a share of the heads.
  var share: Int
  var timer: ProductTimer

  /// Where a key-value head's gradients are gathered.
  private struct Target {
    var dk: HeadSums
    var dv: HeadSums
  }

  func run(shares: Int) {
    let cuts = AttentionCuts(shape, shares: shares)
    let group = shape.group * shape.blocks
    Parallelism.forEachTask(shares) { index, _ in
      let packed = packedTile(of: index)
      var packedHead = -1
      let blocks = cuts.blocks(of: index)
      for place in blocks {
        let shared = place / group
        if let packed, packedHead != shared {
          packed.fill(k + offset(shared), v + offset(shared), stride: shape.keyStride)
          packedHead = shared
        }
        let isOlder = shared * group < blocks.lowerBound
        let target = isOlder ? scratch(of: index) : gathered(shared, by: index)
        block(
          place, isFirst: place == max(blocks.lowerBound, shared * group), into: target, packed, share: index)
        if !isOlder && place == (shared + 1) * group - 1 { round(target, shared) }
      }
    }
    // Heads that more than one share worked on: `owner` is the one that they began in.
    var owner = 0
    for index in 1..<max(1, shares) where !cuts.blocks(of: index).isEmpty {
      let first = cuts.blocks(of: index).lowerBound
      let shared = first / group
      if first % group == 0 { continue }
      while cuts.blocks(of: owner).upperBound <= shared * group { owner += 1 }
      let whole = gathered(shared, by: owner)
      add(scratch(of: index), to: whole)
      if cuts.blocks(of: index).upperBound >= (shared + 1) * group { round(whole, shared) }
    }
  }

  /// What a share's workspace has of keys and values in packed form, in the place of widened ones.
  private func packedTile(of share: Int) -> PackedTile? {
    let room = 2 * shape.tileKeys * shape.headDimension
    return PackedTile(shape, .backward, of: X.self, in: workspace + (share + 1) * self.share - room, room: room)
  }

  /// A head's blocks come from its last to its first.
  private func block(_ place: Int, isFirst: Bool, into target: Target, _ packed: PackedTile?, share: Int) {
    let index = place / shape.blocks
    let element = index / shape.heads
    let head = index % shape.heads
    let block = shape.blocks - 1 - place % shape.blocks
    // The last block sees every key, so it can set dk and dv where the others add to them.
    let sets = isFirst && block == shape.blocks - 1
    if isFirst && !sets { clear(target) }
    let first = block * Attention.blockRows
    self.block(
      first: first, rows: min(Attention.blockRows, shape.sequence - first),
      query: shape.queryOffset(element, first, head), key: shape.keyOffset(element, head / shape.group),
      statistics: index * shape.sequence + first, into: target, packed, accumulate: !sets,
      buffer: workspace + share * self.share)
  }

  private func block(
    first: Int, rows: Int, query: Int, key: Int, statistics: Int, into target: Target, _ packed: PackedTile?,
    accumulate: Bool, buffer: UnsafeMutablePointer<Float>
  ) {
    let width = shape.headDimension
    let deltas = buffer  // [R]
    let probabilities = deltas + Attention.blockRows  // [R, K]
    let gradient = probabilities + shape.blockRows * shape.tileKeys  // [R, K]
    // What follows is there only for operands that have to be widened.
    let queries = gradient + shape.blockRows * shape.tileKeys + scratchCount  // [R, D]
    let outs = queries + shape.blockRows * width  // [R, D]
    let queryGradients = outs + shape.blockRows * width  // [R, D]
    let keyTile = queryGradients + shape.blockRows * width  // [K, D]
    let valueTile = keyTile + shape.tileKeys * width  // [K, D]

    let q = HeadRows<Factor>(q + query, stride: shape.queryStride, rows: rows, width: width, widenedInto: queries)
    let dOutRows = HeadRows<Factor>(
      dOut + query, stride: shape.queryStride, rows: rows, width: width, widenedInto: outs)
    let dqRows = HeadSums(dq + query, stride: shape.queryStride, width: width, roundedFrom: queryGradients)
    plk_row_dots(deltas, dOut + query, out + query, X.code, Int64(shape.queryStride), Int64(rows), Int64(width))
    for start in stride(from: 0, to: first + rows, by: Attention.tileKeys) {
      let keys = packed?.keyCount(before: first + rows) ?? min(Attention.tileKeys, first + rows - start)
      let tile = key + start * shape.keyStride
      let k = HeadRows<Factor>(k + tile, stride: shape.keyStride, rows: keys, width: width, widenedInto: keyTile)
      let v = HeadRows<Factor>(v + tile, stride: shape.keyStride, rows: keys, width: width, widenedInto: valueTile)
      if let packed {
        timer.product(q.plain, packed.keys, into: probabilities, stride: keys, m: rows, n: keys, k: width, scale: scale)
      } else {
        timer.product(
          q.plain, k.transposed, into: probabilities, stride: keys, m: rows, n: keys, k: width, scale: scale)
      }
      plk_causal_probabilities(
        probabilities, logsumexp + statistics, Int64(first - start), Int64(rows), Int64(keys))
      timer.product(
        turned(probabilities, stride: keys), dOutRows.plain,
        into: target.dv.base + start * target.dv.stride, stride: target.dv.stride, m: keys, n: width, k: rows,
        accumulate: accumulate)
      if let packed {
        timer.product(dOutRows.plain, packed.values, into: gradient, stride: keys, m: rows, n: keys, k: width)
      } else {
        timer.product(dOutRows.plain, v.transposed, into: gradient, stride: keys, m: rows, n: keys, k: width)
      }
      plk_softmax_gradient(gradient, probabilities, deltas, scale, Int64(rows), Int64(keys))
      let scores = MatrixProduct.Operand(UnsafePointer(gradient), transposed: false, stride: keys)
      if let packed {
        timer.product(scores, packed.keyRows, into: dqRows.base, stride: dqRows.stride, m: rows, n: width, k: keys)
      } else {
        timer.product(
          scores, k.plain, into: dqRows.base, stride: dqRows.stride, m: rows, n: width, k: keys,
          accumulate: start > 0)
      }
      timer.product(
        turned(gradient, stride: keys), q.plain, into: target.dk.base + start * target.dk.stride,
        stride: target.dk.stride, m: keys, n: width, k: rows, accumulate: accumulate)
    }
    dqRows.round(into: dq + query, stride: shape.queryStride, rows: rows, width: width)
  }

  private func turned(_ tile: UnsafeMutablePointer<Float>, stride: Int) -> MatrixProduct.Operand<Float> {
    MatrixProduct.Operand(UnsafePointer(tile), transposed: true, stride: stride)
  }

  /// Floats of dk and dv: of a head that began in an earlier share, and in bf16 of one that did not.
  private var scratchCount: Int { (X.format == .fp32 ? 2 : 4) * shape.sequence * shape.headDimension }

  private func scratchBase(of share: Int) -> UnsafeMutablePointer<Float> {
    workspace + share * self.share + Attention.blockRows + 2 * shape.blockRows * shape.tileKeys
  }

  private func scratch(of share: Int) -> Target {
    let base = scratchBase(of: share)
    let width = shape.headDimension
    return Target(
      dk: HeadSums(base, stride: width, width: width, roundedFrom: base),
      dv: HeadSums(
        base + shape.sequence * width, stride: width, width: width, roundedFrom: base + shape.sequence * width))
  }

  /// Where the share that key-value head `shared` begins in adds it up.
  private func gathered(_ shared: Int, by share: Int) -> Target {
    let offset = offset(shared)
    let count = shape.sequence * shape.headDimension
    let base = scratchBase(of: share) + 2 * count
    return Target(
      dk: HeadSums(dk + offset, stride: shape.keyStride, width: shape.headDimension, roundedFrom: base),
      dv: HeadSums(dv + offset, stride: shape.keyStride, width: shape.headDimension, roundedFrom: base + count))
  }

  private func offset(_ shared: Int) -> Int {
    shape.keyOffset(shared / shape.keyValueHeads, shared % shape.keyValueHeads)
  }

  private func round(_ target: Target, _ shared: Int) {
    let offset = offset(shared)
    let (rows, width) = (shape.sequence, shape.headDimension)
    target.dk.round(into: dk + offset, stride: shape.keyStride, rows: rows, width: width)
    target.dv.round(into: dv + offset, stride: shape.keyStride, rows: rows, width: width)
  }

  /// Of scratch alone, whose rows lie side by side.
  private func clear(_ target: Target) {
    let count = shape.sequence * shape.headDimension
    target.dk.base.update(repeating: 0, count: count)
    target.dv.base.update(repeating: 0, count: count)
  }

  private func add(_ part: Target, to whole: Target) {
    let (format, width) = (Float.code, Int64(shape.headDimension))
    for position in 0..<shape.sequence {
      plk_add_scaled(
        whole.dk.base + position * whole.dk.stride, part.dk.base + position * part.dk.stride, 1, format, format, width)
      plk_add_scaled(
        whole.dv.base + position * whole.dv.stride, part.dv.base + position * part.dv.stride, 1, format, format, width)
    }
  }
}
