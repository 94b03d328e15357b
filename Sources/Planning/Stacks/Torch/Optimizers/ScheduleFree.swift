import Bookkeeping
import Modeling

/// Schedule-free optimizers: the iterate z beside the averaged parameter, and Adam's second moment where there is one.
///
/// Method: Defazio, Yang et al. 2024, <https://arxiv.org/abs/2405.15682>.
/// Sources: schedulefree/adamw_schedulefree.py, radam_schedulefree.py, sgd_schedulefree.py, `step`. They go by `foreach`
/// unless told otherwise; gradients are normalized in place.
struct ScheduleFree: OptimizerRule {
  let base: Optimizer.ScheduleFreeBase
  let implementation: Optimizer.Implementation

  func openStates(of parameter: TrainedParameter, _ states: inout StateBook, _ tape: inout Tape) {
    states.open("\(parameter.name).z", parameter.shape, parameter.format, &tape)
    if base != .sgd {
      states.open(TensorName.secondMoment(of: parameter.name), parameter.shape, parameter.format, &tape)
    }
  }

  func update(_ group: [TrainedParameter], _ locals: inout Locals, _ tape: inout Tape) {
    guard base != .sgd else { return }
    guard implementation == .single else {
      return locals.bind("denom", tape.temporaries("denominator", of: group), of: group, &tape)
    }
    for parameter in group {
      tape.layer = parameter.layer
      locals.bind("denom", tape.temporary("denominator", of: parameter), &tape)
    }
  }
}
