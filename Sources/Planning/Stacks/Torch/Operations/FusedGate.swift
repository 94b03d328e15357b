import Bookkeeping
import Modeling

// Shape letters here: T tokens, I intermediate width.

extension TorchModel {
  /// Activation of the gate [T, I] times up [T, I] in one kernel, which keeps both and writes their gradients over them.
  ///
  /// Halves of one projection are copied first (`ensure_contiguous`). Sources: liger_kernel/ops/swiglu.py,
  /// `LigerSiLUMulFunction`; geglu.py, `LigerGELUMulFunction`. The caller keeps its references.
  func fusedGate(_ tape: inout Tape, gate: Tensor, up: Tensor, _ name: String) -> Tensor {
    let isSliced = spec.feedForward.fusesGateAndUp
    let a = isSliced ? tape.copy(name + ".gate", gate, gate.shape) : gate
    let b = isSliced ? tape.copy(name + ".up", up, up.shape) : up
    let output = tape.open(name, a.shape, a.format)
    let results = tape.applyFunction(to: [a, b], making: [output], saving: [a, b]) { tape, _, edges in
      edges.indices.map { edges[$0].isNeeded ? tape.overwrite($0, as: edges[$0]) : nil }
    }
    if isSliced {
      tape.drop(b)
      tape.drop(a)
    }
    return results[0]
  }
}
