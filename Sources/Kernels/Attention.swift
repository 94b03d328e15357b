// Shape letters here: B batch, S sequence, H query heads, G key-value heads, D head dimension, R rows of a query block.

import CKernels

/// Causal grouped-query attention: `softmax(scale · q kᵀ) v`, a head at a time, by blocks of query rows.
///
/// Only a block's scores exist at once, and keys right of a block's last row are never looked at. What backward keeps
/// is the row-wise logarithm of the sum of exponentials, from which the probabilities come back: Dao et al. 2022,
/// <https://arxiv.org/abs/2205.14135>, algorithm 4.
public enum Attention {
  /// R, the query rows whose scores exist at once: enough for a matrix product to be one, few enough for the block to
  /// stay in the second-level cache.
  public static let blockRows = 64

  /// Floats that ``forward(q:k:v:batch:sequence:heads:keyValueHeads:headDimension:scale:into:logsumexp:workspace:)``
  /// borrows: a block of scores `[R, S]` and R reciprocal sums for every thread.
  public static func workspaceCount(sequence: Int, threads: Int) -> Int {
    threads * (min(blockRows, sequence) * sequence + blockRows)
  }

  /// Floats that backward borrows: probabilities and their gradient `[R, S]`, and the part of a shared head's dk and dv
  /// `[S, D]`, for every thread.
  public static func backwardWorkspaceCount(sequence: Int, headDimension: Int, threads: Int) -> Int {
    threads * (2 * min(blockRows, sequence) * sequence + 2 * sequence * headDimension)
  }

  /// Attends from `q[B, S, H, D]` to `k, v[B, S, G, D]`, filling `out[B, S, H, D]` and `logsumexp[B, H, S]`.
  public static func forward(
    q: Span<Float>, k: Span<Float>, v: Span<Float>, batch: Int, sequence: Int, heads: Int, keyValueHeads: Int,
    headDimension: Int, scale: Float, into out: consuming MutableSpan<Float>,
    logsumexp: consuming MutableSpan<Float>, workspace: consuming MutableSpan<Float>
  ) {
    let shape = AttentionShape(
      batch: batch, sequence: sequence, heads: heads, keyValueHeads: keyValueHeads, headDimension: headDimension)
    expect("q", count: q.count, is: shape.queryCount)
    expect("k", count: k.count, is: shape.keyCount)
    expect("v", count: v.count, is: shape.keyCount)
    expect("out", count: out.count, is: shape.queryCount)
    expect("logsumexp", count: logsumexp.count, is: batch * heads * sequence)
    let share = workspaceCount(sequence: sequence, threads: 1)
    // As many threads as have room to work in; a smaller workspace is a way to ask for fewer.
    let threads = min(Parallelism.threads, workspace.count / max(1, share))
    precondition(threads >= 1, "a workspace of \(workspace.count) is short of \(share) elements")
    guard let q = q.address, let k = k.address, let v = v.address, let out = out.address,
      let logsumexp = logsumexp.address, let workspace = workspace.address
    else { return }

    let timer = ProductTimer(threads: threads)
    let blocks = shape.blocks
    // Every block of every head is a task, the long last blocks first, so that the threads end together.
    Parallelism.forEachTask(batch * heads * blocks, limit: threads) { task, worker in
      let block = blocks - 1 - task / (batch * heads)
      let head = task % (batch * heads) % heads
      let element = task % (batch * heads) / heads
      let scores = workspace + worker * share
      let reciprocalSums = scores + (share - blockRows)
      let first = block * blockRows
      let rows = min(blockRows, sequence - first)
      let keys = first + rows
      let query = shape.queryOffset(element, first, head)
      let key = shape.keyOffset(element, head / shape.group)
      timer.product(
        shape.query(q + query), shape.key(k + key, transposed: true), into: scores, stride: keys, m: rows, n: keys,
        k: headDimension, scale: scale)
      plk_causal_exponentials(
        scores, reciprocalSums, logsumexp + (element * heads + head) * sequence + first, Int64(first), Int64(rows),
        Int64(keys))
      timer.product(
        .init(scores, transposed: false, stride: keys), shape.key(v + key, transposed: false), into: out + query,
        stride: shape.queryStride, m: rows, n: headDimension, k: keys)
      plk_scale_rows(
        out + query, reciprocalSums, Int64(shape.queryStride), Int64(rows), Int64(headDimension))
    }
    timer.report()
  }

  /// Fills `dq`, `dk` and `dv`, shaped like `q`, `k` and `v`, from the gradient of `out`.
  ///
  /// With P the probabilities and δ the row sums of `dOut · out`:
  ///
  ///     dv = Pᵀ dOut    dS = P · (dOut vᵀ − δ) · scale    dq = dS k    dk = dSᵀ q
  ///
  /// A key-value head's gradients are summed over its group of query heads.
  public static func backward(
    dOut: Span<Float>, out: Span<Float>, q: Span<Float>, k: Span<Float>, v: Span<Float>, logsumexp: Span<Float>,
    batch: Int, sequence: Int, heads: Int, keyValueHeads: Int, headDimension: Int, scale: Float,
    intoDQ dq: consuming MutableSpan<Float>, dK dk: consuming MutableSpan<Float>,
    dV dv: consuming MutableSpan<Float>, workspace: consuming MutableSpan<Float>
  ) {
    let shape = AttentionShape(
      batch: batch, sequence: sequence, heads: heads, keyValueHeads: keyValueHeads, headDimension: headDimension)
    expect("dOut", count: dOut.count, is: shape.queryCount)
    expect("out", count: out.count, is: shape.queryCount)
    expect("q", count: q.count, is: shape.queryCount)
    expect("k", count: k.count, is: shape.keyCount)
    expect("v", count: v.count, is: shape.keyCount)
    expect("logsumexp", count: logsumexp.count, is: batch * heads * sequence)
    expect("dq", count: dq.count, is: shape.queryCount)
    expect("dk", count: dk.count, is: shape.keyCount)
    expect("dv", count: dv.count, is: shape.keyCount)
    let share = backwardWorkspaceCount(sequence: sequence, headDimension: headDimension, threads: 1)
    let threads = min(Parallelism.threads, workspace.count / max(1, share))
    precondition(threads >= 1, "a workspace of \(workspace.count) is short of \(share) elements")
    guard let dOut = dOut.address, let out = out.address, let q = q.address, let k = k.address, let v = v.address,
      let logsumexp = logsumexp.address, let dq = dq.address, let dk = dk.address, let dv = dv.address,
      let workspace = workspace.address
    else { return }

    let pass = AttentionBackward(
      shape: shape, scale: scale, dOut: dOut, out: out, q: q, k: k, v: v, logsumexp: logsumexp, dq: dq, dk: dk, dv: dv,
      workspace: workspace, share: share, timer: ProductTimer(threads: threads))
    pass.run(shares: min(threads, batch * heads))
    pass.timer.report()
  }
}

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

  func queryOffset(_ element: Int, _ position: Int, _ head: Int) -> Int {
    (element * sequence + position) * queryStride + head * headDimension
  }

  func keyOffset(_ element: Int, _ head: Int) -> Int {
    element * sequence * keyStride + head * headDimension
  }

  func query(_ base: UnsafePointer<Float>) -> MatrixProduct.Operand<Float> {
    .init(base, transposed: false, stride: queryStride)
  }

  func key(_ base: UnsafePointer<Float>, transposed: Bool) -> MatrixProduct.Operand<Float> {
    .init(base, transposed: transposed, stride: keyStride)
  }
}
