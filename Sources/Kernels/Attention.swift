// Shape letters here: B batch, S sequence, H query heads, G key-value heads, D head dimension, R rows of a query block,
// K keys of a tile.

import CKernels

/// Causal grouped-query attention: `softmax(scale · q kᵀ) v`, a head at a time, by blocks of query rows and tiles of keys.
///
/// Only a tile's scores exist at once, and tiles right of a block's last row are never looked at. Tile by tile a row's
/// maximum, sum of exponentials and sum of values go on: Milakov and Gimelshein 2018,
/// <https://arxiv.org/abs/1805.02867>, algorithm 3. What backward keeps is the row-wise logarithm of the sum of
/// exponentials, from which the probabilities come back: Dao et al. 2022, <https://arxiv.org/abs/2205.14135>, algorithm 4.
/// Scores, statistics and sums are fp32 whatever queries, keys and values are stored in; only with ``PartialSums/fp16``
/// are probabilities rounded to what values are stored in before they are multiplied.
public enum Attention {
  /// R, the query rows whose scores exist at once: enough for a matrix product to be one, few enough for the tile to
  /// stay in the second-level cache.
  public static let blockRows = 128
  /// K, the keys whose scores exist at once.
  public static let tileKeys = 512

  /// Floats that ``forward(q:k:v:batch:sequence:heads:keyValueHeads:headDimension:scale:into:logsumexp:workspace:)``
  /// borrows for every thread: a tile of scores `[R, K]`, R sums in double precision and R maxima; in bf16 also queries
  /// and sums of values `[R, D]`, keys and values `[K, D]` in fp32, or packed in their place.
  ///
  /// A thread's share is in whole cache lines of 16 floats, so that no two threads write to one.
  public static func workspaceCount(
    sequence: Int, headDimension: Int, threads: Int, format: NumberFormat = .fp32
  ) -> Int {
    let (rows, keys) = (min(blockRows, sequence), min(tileKeys, sequence))
    let widened = format == .fp32 ? 0 : 2 * (rows + keys) * headDimension
    return threads * wholeLines(rows * keys + 3 * blockRows + widened)
  }

  /// Floats that backward borrows for every thread: probabilities and their gradient `[R, K]`, R dot products, and the
  /// part of a shared head's dk and dv `[S, D]`; in bf16 also another head's dk and dv, queries, dOut and dq `[R, D]`,
  /// keys and values `[K, D]` in fp32, or packed in their place.
  public static func backwardWorkspaceCount(
    sequence: Int, headDimension: Int, threads: Int, format: NumberFormat = .fp32
  ) -> Int {
    let (rows, keys) = (min(blockRows, sequence), min(tileKeys, sequence))
    let widened = format == .fp32 ? 0 : (2 * sequence + 3 * rows + 2 * keys) * headDimension
    return threads * wholeLines(2 * rows * keys + blockRows + 2 * sequence * headDimension + widened)
  }

  private static func wholeLines(_ floats: Int) -> Int { (floats + 15) / 16 * 16 }

  /// Attends from `q[B, S, H, D]` to `k, v[B, S, G, D]`, filling `out[B, S, H, D]` and `logsumexp[B, H, S]`.
  public static func forward<X: Number>(
    q: Span<X>, k: Span<X>, v: Span<X>, batch: Int, sequence: Int, heads: Int, keyValueHeads: Int,
    headDimension: Int, scale: Float, into out: consuming MutableSpan<X>,
    logsumexp: consuming MutableSpan<Float>, workspace: consuming MutableSpan<Float>
  ) {
    let shape = AttentionShape(
      batch: batch, sequence: sequence, heads: heads, keyValueHeads: keyValueHeads, headDimension: headDimension)
    expect("q", count: q.count, is: shape.queryCount)
    expect("k", count: k.count, is: shape.keyCount)
    expect("v", count: v.count, is: shape.keyCount)
    expect("out", count: out.count, is: shape.queryCount)
    expect("logsumexp", count: logsumexp.count, is: batch * heads * sequence)
    let share = workspaceCount(sequence: sequence, headDimension: headDimension, threads: 1, format: X.format)
    // As many threads as have room to work in; a smaller workspace is a way to ask for fewer.
    let threads = min(Parallelism.threads, workspace.count / max(1, share))
    precondition(threads >= 1, "a workspace of \(workspace.count) is short of \(share) elements")
    guard let q = q.address, let k = k.address, let v = v.address, let out = out.address,
      let logsumexp = logsumexp.address, let workspace = workspace.address
    else { return }

    let timer = ProductTimer(threads: threads)
    if multipliesAsStored(X.self) {
      AttentionForward<X, X>(
        shape: shape, scale: scale, q: q, k: k, v: v, out: out, logsumexp: logsumexp, workspace: workspace,
        share: share, timer: timer
      ).run(threads: threads)
    } else {
      AttentionForward<X, Float>(
        shape: shape, scale: scale, q: q, k: k, v: v, out: out, logsumexp: logsumexp, workspace: workspace,
        share: share, timer: timer
      ).run(threads: threads)
    }
    timer.report()
  }

  /// Whether products read queries, keys and values as they are stored.
  ///
  /// They then round probabilities and their gradient likewise, as FlashAttention does: where sums in fp16 make that the
  /// faster way. Otherwise rows are widened to fp32, and nothing is rounded.
  private static func multipliesAsStored<X: Number>(_ format: X.Type) -> Bool {
    X.format == .fp32 || PartialSums.used == .fp16
  }

  /// Fills `dq`, `dk` and `dv`, shaped like `q`, `k` and `v`, from the gradient of `out`.
  ///
  /// With P the probabilities and δ the row sums of `dOut · out`:
  ///
  ///     dv = Pᵀ dOut    dS = P · (dOut vᵀ − δ) · scale    dq = dS k    dk = dSᵀ q
  ///
  /// A key-value head's gradients are summed over its group of query heads.
  public static func backward<X: Number>(
    dOut: Span<X>, out: Span<X>, q: Span<X>, k: Span<X>, v: Span<X>, logsumexp: Span<Float>,
    batch: Int, sequence: Int, heads: Int, keyValueHeads: Int, headDimension: Int, scale: Float,
    intoDQ dq: consuming MutableSpan<X>, dK dk: consuming MutableSpan<X>,
    dV dv: consuming MutableSpan<X>, workspace: consuming MutableSpan<Float>
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
    let share = backwardWorkspaceCount(sequence: sequence, headDimension: headDimension, threads: 1, format: X.format)
    let threads = min(Parallelism.threads, workspace.count / max(1, share))
    precondition(threads >= 1, "a workspace of \(workspace.count) is short of \(share) elements")
    guard let dOut = dOut.address, let out = out.address, let q = q.address, let k = k.address, let v = v.address,
      let logsumexp = logsumexp.address, let dq = dq.address, let dk = dk.address, let dv = dv.address,
      let workspace = workspace.address
    else { return }

    let timer = ProductTimer(threads: threads)
    if multipliesAsStored(X.self) {
      AttentionBackward<X, X>(
        shape: shape, scale: scale, dOut: dOut, out: out, q: q, k: k, v: v, logsumexp: logsumexp, dq: dq, dk: dk,
        dv: dv, workspace: workspace, share: share, timer: timer
      ).run(shares: min(threads, batch * heads))
    } else {
      AttentionBackward<X, Float>(
        shape: shape, scale: scale, dOut: dOut, out: out, q: q, k: k, v: v, logsumexp: logsumexp, dq: dq, dk: dk,
        dv: dv, workspace: workspace, share: share, timer: timer
      ).run(shares: min(threads, batch * heads))
    }
    timer.report()
  }
}
