import Bookkeeping
import Modeling

/// torch.optim's RMSprop and Adagrad: one average, or sum, of squares in the parameter's format.
///
/// Sources: torch/optim/rmsprop.py, `_single_tensor_rmsprop`, `_multi_tensor_rmsprop`; torch/optim/adagrad.py,
/// `_single_tensor_adagrad`, `_multi_tensor_adagrad`. RMSprop has no fused kernel; Adagrad's is for CPUs.
struct TorchSquares: OptimizerRule {
  enum Update { case rmsprop, adagrad }

  let implementation: Optimizer.Implementation
  let update: Update
  let decays: Bool

  func openStates(of parameter: TrainedParameter, _ states: inout StateBook, _ tape: inout Tape) {
    let name = update == .rmsprop ? "square_avg" : "sum"
    states.open("\(parameter.name).\(name)", parameter.shape, parameter.format, &tape)
  }

  func update(_ group: [TrainedParameter], _ locals: inout Locals, _ tape: inout Tape) {
    let copiesGradients = decays && group.first?.decays == true
    guard implementation != .single else { return updateOneByOne(group, copiesGradients, &locals, &tape) }
    for list in group.byFormat {
      // `grouped_grads = cast(…)` lets go of the copies of the format before.
      locals.release("grads", &tape)
      if copiesGradients { locals.bind("grads", tape.temporaries("grad.decayed", of: list), of: list, &tape) }
      locals.bind("root", tape.temporaries("root", of: list), of: list, &tape)
      if update == .adagrad, !copiesGradients {
        locals.bind("numerator", tape.temporaries("numerator", of: list), of: list, &tape)
      }
    }
  }

  private func updateOneByOne(
    _ group: [TrainedParameter], _ copiesGradients: Bool, _ locals: inout Locals, _ tape: inout Tape
  ) {
    for parameter in group {
      tape.layer = parameter.layer
      locals.release("grad", &tape)
      if copiesGradients { locals.bind("grad", tape.temporary("grad.decayed", of: parameter), &tape) }
      locals.bind("root", tape.temporary("root", of: parameter), &tape)
    }
  }
}
