import Bookkeeping

// Shape letters here: S sequence, D head dimension, R rows of a block of queries, K keys of a tile.

/// What the engine's attention borrows while it runs, in fp32 elements.
///
/// Only the scores of R queries with K keys exist at once in each thread (the tiling of Dao et al. 2022,
/// <https://arxiv.org/abs/2205.14135>). It calculates in fp32: rows of queries, keys and values that are stored in fewer
/// bits are widened tile by tile.
struct AttentionWorkspace {
  let sequence: Int
  let headDimension: Int
  let threads: Int
  /// What queries, keys, values and their gradients are stored in.
  let format: ScalarFormat

  private static let blockRows = 128
  private static let tileKeys = 512
  /// A cache line of 64 bytes: threads' shares begin on one.
  private static let line = 16

  private var rows: Int { min(AttentionWorkspace.blockRows, sequence) }
  private var keys: Int { min(AttentionWorkspace.tileKeys, sequence) }
  private var isNarrow: Bool { format != .fp32 }

  /// Scores `[R, K]`, for every row of a whole block its maximum in fp32 and its sum in fp64; of narrow operands also
  /// queries and sums of values `[R, D]`, keys and values `[K, D]`.
  var forward: Int {
    var floats = rows * keys + AttentionWorkspace.blockRows * (1 + 2)
    if isNarrow { floats += 2 * rows * headDimension + 2 * keys * headDimension }
    return share(floats)
  }

  /// Probabilities and their gradient `[R, K]`, for every row of a whole block a product of output and its gradient, and
  /// the gradients of a key-value head that another thread began, `[S, D]` each.
  ///
  /// Of narrow operands also those of a head of the thread's own, since sums can't be rounded as they grow; and queries,
  /// the output's and the queries' gradients `[R, D]`, keys and values `[K, D]`.
  var backward: Int {
    var floats = 2 * rows * keys + AttentionWorkspace.blockRows + 2 * sequence * headDimension
    if isNarrow { floats += 2 * sequence * headDimension + 3 * rows * headDimension + 2 * keys * headDimension }
    return share(floats)
  }

  private func share(_ floats: Int) -> Int {
    let line = AttentionWorkspace.line
    return threads * ((floats + line - 1) / line * line)
  }
}
