import Bookkeeping
import Modeling

// Shape letters here: N rows, K columns of a matrix, m the smaller of them.

/// torch.optim's Muon on the matrices inside the decoder, AdamW on embeddings, head, norms and biases.
///
/// A matrix keeps one momentum in its own format. Its update is orthogonalized in bf16 by five rounds of Newton-Schulz:
/// a Gram matrix [m, m], a polynomial of it, and the next iterate [N, K] beside the one before.
///
/// Sources: torch/optim/\_muon.py, `_single_tensor_muon`, `_zeropower_via_newtonschulz`; Keller Jordan's post,
/// <https://kellerjordan.github.io/posts/muon/>, for which parameters take it.
struct TorchMuon: OptimizerRule {
  let rest: TorchAdamW

  /// torch/optim/\_muon.py, DEFAULT_NS_STEPS.
  private static let rounds = 5

  func openStates(of parameter: TrainedParameter, _ states: inout StateBook, _ tape: inout Tape) {
    guard parameter.isHiddenMatrix else { return rest.openStates(of: parameter, &states, &tape) }
    states.open(TensorName.momentum(of: parameter.name), parameter.shape, parameter.format, &tape)
  }

  func update(_ group: [TrainedParameter], _ locals: inout Locals, _ tape: inout Tape) {
    for parameter in group where parameter.isHiddenMatrix {
      tape.layer = parameter.layer
      locals.bind("update", tape.temporary("update", of: parameter), &tape)
      locals.bind("update", orthogonalized(parameter, &tape), &tape)
    }
    tape.layer = nil
    locals.clear(&tape)
    rest.update(group.filter { !$0.isHiddenMatrix }, &locals, &tape)
  }

  private func orthogonalized(_ parameter: TrainedParameter, _ tape: inout Tape) -> Tensor {
    let smaller = min(parameter.rows, parameter.columns)
    let square: Shape = [smaller, smaller]
    var locals = Locals()
    var iterate = tape.temporary("orthogonal.0", of: parameter, .bf16)
    for round in 1...TorchMuon.rounds {
      locals.bind("gram_matrix", tape.temporary("gram.\(round)", of: parameter, .bf16, shape: square), &tape)
      locals.bind("gram_update", tape.temporary("gram_update.\(round)", of: parameter, .bf16, shape: square), &tape)
      let next = tape.temporary("orthogonal.\(round)", of: parameter, .bf16)
      tape.drop(iterate)
      iterate = next
    }
    locals.clear(&tape)
    return iterate
  }
}
