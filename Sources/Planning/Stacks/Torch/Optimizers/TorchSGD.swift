import Bookkeeping
import Modeling

/// torch.optim's SGD: nothing, or a momentum in the parameter's format.
///
/// Source: torch/optim/sgd.py, `_single_tensor_sgd`, `_multi_tensor_sgd`. `fused` takes the decay into its kernel.
struct TorchSGD: OptimizerRule {
  let implementation: Optimizer.Implementation
  let hasMomentum: Bool
  /// Whether a decay is added to a copy of the gradients.
  let decays: Bool

  func openStates(of parameter: TrainedParameter, _ states: inout StateBook, _ tape: inout Tape) {
    guard hasMomentum else { return }
    states.open(TensorName.momentum(of: parameter.name), parameter.shape, parameter.format, &tape)
  }

  func update(_ group: [TrainedParameter], _ locals: inout Locals, _ tape: inout Tape) {
    guard decays, group.first?.decays == true else { return }
    switch implementation {
    case .fused: break
    case .foreach:
      for list in group.byFormat {
        locals.bind("device_grads", tape.temporaries("grad.decayed", of: list), of: list, &tape)
        // With a momentum the name is bound to the buffers instead.
        if hasMomentum { locals.release("device_grads", &tape) }
      }
    case .single:
      for parameter in group {
        tape.layer = parameter.layer
        // `grad = grads[i]` lets go of the copy before the next one is made.
        locals.release("grad", &tape)
        locals.bind("grad", tape.temporary("grad.decayed", of: parameter), &tape)
        if hasMomentum { locals.release("grad", &tape) }
      }
    }
  }
}
