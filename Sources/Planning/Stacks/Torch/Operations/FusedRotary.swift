import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, A heads, KV key/value heads, D width of a head.

extension TorchModel {
  /// Queries [b, A, s, D] and keys [b, KV, s, D] rotated where they are; takes over both references.
  ///
  /// Operands that are slices of one projection are copied first (`contiguous`). Liger's backward writes over the
  /// arriving gradients, Unsloth's makes new ones. Sources: liger_kernel/ops/rope.py, `rope_forward`, `rope_backward`;
  /// unsloth/kernels/rope_embedding.py, `Fast_RoPE_Embedding_QK_Positions`.
  func rotateInPlace(
    _ tape: inout Tape, consuming q: Tensor, _ k: Tensor, _ tables: RotaryTables
  ) -> (q: Tensor, k: Tensor) {
    var (query, key) = (q, k)
    if spec.attention.fusesProjections {
      query = tape.copy("q.contiguous", q, q.shape)
      tape.drop(q)
      key = tape.copy("k.contiguous", k, k.shape)
      tape.drop(k)
    }
    let writesInPlace = policy.choices.rotary == .liger
    let saving = writesInPlace ? [tables.cosine, tables.sine] : []
    let views = [query.asView().detached(), key.asView().detached()]
    let rotated = tape.applyFunction(to: [query, key], making: views, saving: saving) { tape, arriving, edges in
      zip(arriving, edges).map { gradient, edge in
        guard edge.isNeeded, let gradient else { return nil }
        guard writesInPlace, gradient.format == edge.format else { return tape.open(edge) }
        tape.retain(gradient)
        return gradient.viewed(as: edge.shape)
      }
    }
    return (rotated[0], rotated[1])
  }
}
