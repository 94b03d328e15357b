// Shape letters here: B batch, S sequence, H heads, D head dimension.

import CKernels

/// Rotary position embedding, after Su and others 2021, <https://arxiv.org/abs/2104.09864>, equation 34.
///
/// The pairs that turn together are `(x[i], x[i + D/2])`, as in transformers' `rotate_half`.
public enum RotaryEmbedding {
  /// Fills `cosine` and `sine`, both `[positions, D/2]`, from `D/2` inverse frequencies.
  ///
  /// The angle is an fp32 product, as in transformers' `LlamaRotaryEmbedding`.
  public static func fillTables(
    inverseFrequencies: Span<Float>, positions: Int, attentionScaling: Float,
    cosine: consuming MutableSpan<Float>, sine: consuming MutableSpan<Float>
  ) {
    let half = inverseFrequencies.count
    expect("cosine", count: cosine.count, is: positions * half)
    expect("sine", count: sine.count, is: positions * half)
    guard let c = cosine.address, let s = sine.address else { return }
    plk_rotary_tables(c, s, inverseFrequencies.address, attentionScaling, Int64(positions), Int64(half))
  }

  /// Rotates `x[B, S, H, D]` in place by the tables' first S rows; `inverse` applies the transpose, which is backward.
  public static func apply<X: Number>(
    cosine: Span<Float>, sine: Span<Float>, batch: Int, sequence: Int, heads: Int, headDimension: Int, inverse: Bool,
    to x: consuming MutableSpan<X>
  ) {
    let half = headDimension / 2
    precondition(headDimension == 2 * half, "a head of \(headDimension) elements has no halves")
    precondition(
      cosine.count >= sequence * half && sine.count >= sequence * half,
      "tables of \(cosine.count) and \(sine.count) elements are too short for \(sequence) positions of \(half)")
    expect("x", count: x.count, is: batch * sequence * heads * headDimension)
    guard let target = x.address, let c = cosine.address, let s = sine.address else { return }
    let width = heads * headDimension
    Parallelism.forEachRange(batch * sequence, grain: Parallelism.rows(ofWidth: width)) { range in
      for token in range {
        let position = token % sequence
        plk_rotary_apply(
          target + token * width, c + position * half, s + position * half, inverse ? -1 : 1, X.code, Int64(heads),
          Int64(half))
      }
    }
  }
}
