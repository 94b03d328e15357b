import Bookkeeping
import Modeling

/// LOMO and AdaLOMO: every parameter is updated within the backward pass, and its gradient let go.
///
/// Methods: Lv, Yang et al. 2023, <https://arxiv.org/abs/2306.09782>, <https://arxiv.org/abs/2310.10195>.
/// LOMO keeps nothing, AdaLOMO fp32 means of squares by row and column. Sources: lomo_optim/lomo.py and adalomo.py,
/// `fuse_update`, without clipping by norm.
struct LOMO: OptimizerRule {
  let isAdaptive: Bool

  func openStates(of parameter: TrainedParameter, _ states: inout StateBook, _ tape: inout Tape) {
    guard isAdaptive else { return }
    TransformersAdafactor.openFactors(of: parameter.name, parameter.shape, &states, &tape)
  }

  func update(_ group: [TrainedParameter], _ locals: inout Locals, _ tape: inout Tape) {
    for parameter in group {
      // `p.grad.to(torch.float32)` is the gradient itself where it is fp32.
      if parameter.format != .fp32 {
        locals.bind("grad_fp32", tape.temporary("grad.fp32", of: parameter, .fp32), &tape)
        if let leaf = parameter.leaf { tape.dropGradient(of: leaf) }
      }
      if isAdaptive { TransformersAdafactor.bindUpdate(parameter, parameter.shape, &locals, &tape) }
      if parameter.format != .fp32 {
        locals.bind("p_fp32", tape.temporary("fp32", of: parameter, .fp32), &tape)
      }
    }
  }
}
