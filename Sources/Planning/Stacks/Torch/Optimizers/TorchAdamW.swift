import Bookkeeping
import Modeling

/// torch.optim's AdamW: two moments in the parameter's format.
///
/// Source: torch/optim/adam.py, `_init_group`, `_single_tensor_adam`, `_multi_tensor_adam`, without `capturable`.
struct TorchAdamW: OptimizerRule {
  let implementation: Optimizer.Implementation

  func openStates(of parameter: TrainedParameter, _ states: inout StateBook, _ tape: inout Tape) {
    // Only `fused` counts its steps on the device; the others' counter is on the host.
    if implementation == .fused { states.open("\(parameter.name).step", [1], .fp32, &tape) }
    states.open(TensorName.firstMoment(of: parameter.name), parameter.shape, parameter.format, &tape)
    states.open(TensorName.secondMoment(of: parameter.name), parameter.shape, parameter.format, &tape)
  }

  func update(_ group: [TrainedParameter], _ locals: inout Locals, _ tape: inout Tape) {
    switch implementation {
    case .fused: break
    case .foreach:
      for list in group.byFormat {
        // A new list is made before the name lets go of that of the format before.
        locals.bind("exp_avg_sq_sqrt", tape.temporaries("exp_avg_sq.sqrt", of: list), of: list, &tape)
      }
    case .single:
      for parameter in group {
        tape.layer = parameter.layer
        let root = tape.temporary("exp_avg_sq.sqrt", of: parameter)
        let denominator = tape.temporary("denominator", of: parameter)
        tape.drop(root)
        locals.bind("denom", denominator, &tape)
      }
    }
  }
}

/// DeepSpeed's and Apex's `FusedAdam`: two moments in the parameter's format, updated by one kernel; steps are counted on
/// the host (deepspeed/ops/adam/fused_adam.py, `FusedAdam.step`).
struct FusedAdam: OptimizerRule {
  func openStates(of parameter: TrainedParameter, _ states: inout StateBook, _ tape: inout Tape) {
    states.open(TensorName.firstMoment(of: parameter.name), parameter.shape, parameter.format, &tape)
    states.open(TensorName.secondMoment(of: parameter.name), parameter.shape, parameter.format, &tape)
  }
}
