// Shape letters here: S sequence, D head dimension, R rows of a block of queries.

/// What the engine's attention borrows while it runs, in fp32 elements.
///
/// Only the scores of R query rows exist at once in each thread (the tiling of Dao et al. 2022,
/// <https://arxiv.org/abs/2205.14135>, in one dimension).
enum AttentionWorkspace {
  static let blockRows = 64

  /// A block of scores `[R, S]` and R reciprocal sums for every thread.
  static func forward(sequence: Int, threads: Int) -> Int {
    threads * (min(blockRows, sequence) * sequence + blockRows)
  }

  /// Probabilities and their gradient `[R, S]`, and the gradients of a shared head's keys and values `[S, D]`, for
  /// every thread.
  static func backward(sequence: Int, headDimension: Int, threads: Int) -> Int {
    threads * (2 * min(blockRows, sequence) * sequence + 2 * sequence * headDimension)
  }
}
