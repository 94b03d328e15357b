import Bookkeeping
import Modeling

// Shape letters here: N rows, K columns of a matrix, r rank.

/// APOLLO: moments of a randomly projected gradient say how the gradient itself is scaled, channel by channel.
///
/// Method: Zhu, Zhang et al. 2024, <https://arxiv.org/abs/2412.05270>.
/// Sources: apollo_torch/apollo.py, `AdamW.step`; random_projector.py; transformers/trainer_optimizer.py,
/// `_get_apollo_optimizer`. The projector is kept, and made anew every 200 steps.
struct APOLLO: OptimizerRule {
  let rank: Int

  func openStates(of parameter: TrainedParameter, _ states: inout StateBook, _ tape: inout Tape) {
    var shape = parameter.shape
    if parameter.isHiddenMatrix {
      let projection = LowRank(of: parameter, rank: rank)
      states.open("\(parameter.name).projector", projectorShape(parameter), parameter.format, &tape)
      shape = projection.low
    }
    states.open(TensorName.firstMoment(of: parameter.name), shape, parameter.format, &tape)
    states.open(TensorName.secondMoment(of: parameter.name), shape, parameter.format, &tape)
    if parameter.isHiddenMatrix { states.open("\(parameter.name).scaled_grad", [1], parameter.format, &tape) }
  }

  /// Unlike a decomposition's, a random projector may have a rank above the matrix's own.
  private func projectorShape(_ parameter: TrainedParameter) -> Shape {
    parameter.rows >= parameter.columns ? [rank, parameter.columns] : [parameter.rows, rank]
  }

  func update(_ group: [TrainedParameter], _ locals: inout Locals, _ tape: inout Tape) {
    for parameter in group.filter({ !$0.isHiddenMatrix }) + group.filter(\.isHiddenMatrix) {
      tape.layer = parameter.layer
      var shape = parameter.shape
      locals.release("grad", &tape)
      if parameter.isHiddenMatrix {
        shape = LowRank(of: parameter, rank: rank).low
        locals.bind("grad", tape.temporary("grad.projected", of: parameter, shape: shape), &tape)
      }
      locals.bind("denom", tape.temporary("denominator", of: parameter, shape: shape), &tape)
      locals.bind("norm_grad", tape.temporary("normalized", of: parameter, shape: shape), &tape)
      guard parameter.isHiddenMatrix else { continue }
      let scaled = tape.temporary("grad.scaled", of: parameter)
      // `norm_grad` and `scaled_grad` of the matrix before are one tensor, held by both names.
      locals.bind("scaled_grad", scaled, &tape)
      locals.bind("scaled_grad", tape.temporary("grad.limited", of: parameter), &tape)
      locals.release("norm_grad", &tape)
    }
  }
}
