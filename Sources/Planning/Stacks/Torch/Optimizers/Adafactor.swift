import Bookkeeping
import Modeling

// Shape letters here: N rows, K columns of a matrix.

/// transformers' Adafactor without a first moment: fp32 means of squares by row and column of matrices, all squares of
/// vectors; Python that works in fp32 on copies of whatever is not.
///
/// Source: transformers/optimization.py, `Adafactor.step`, set up by trainer_optimizer.py, `_get_adafactor`.
struct TransformersAdafactor: OptimizerRule {
  func openStates(of parameter: TrainedParameter, _ states: inout StateBook, _ tape: inout Tape) {
    TransformersAdafactor.openFactors(
      of: parameter.name, parameter.shape, &states, &tape)
    states.open("\(parameter.name).rms", [1], .fp32, &tape)
  }

  /// Row and column means of squares; the whole square of a vector.
  static func openFactors(of name: String, _ shape: Shape, _ states: inout StateBook, _ tape: inout Tape) {
    let extents = shape.extents
    guard extents.count >= 2, let last = extents.last else {
      return states.open(TensorName.secondMoment(of: name), shape, .fp32, &tape)
    }
    states.open("\(name).exp_avg_sq_row", Shape(Array(extents.dropLast())), .fp32, &tape)
    states.open("\(name).exp_avg_sq_col", Shape(Array(extents.dropLast(2)) + [last]), .fp32, &tape)
  }

  func update(_ group: [TrainedParameter], _ locals: inout Locals, _ tape: inout Tape) {
    for parameter in group {
      tape.layer = parameter.layer
      // `grad = p.grad` and `p_data_fp32 = p` come before the copies.
      locals.release("grad", &tape)
      if parameter.format != .fp32 { locals.bind("grad", tape.temporary("grad.fp32", of: parameter, .fp32), &tape) }
      locals.release("p_data_fp32", &tape)
      if parameter.format != .fp32 { locals.bind("p_data_fp32", tape.temporary("fp32", of: parameter, .fp32), &tape) }
      TransformersAdafactor.bindUpdate(parameter, parameter.shape, &locals, &tape)
      let negated = tape.temporary("update.negated", of: parameter, .fp32)
      tape.drop(negated)
    }
  }

  /// `update`: the squares, raised by epsilon, then the update proper.
  static func bindUpdate(
    _ parameter: TrainedParameter, _ shape: Shape, _ locals: inout Locals, _ tape: inout Tape
  ) {
    let squares = tape.temporary("squares", of: parameter, .fp32, shape: shape)
    let raised = tape.temporary("squares.raised", of: parameter, .fp32, shape: shape)
    tape.drop(squares)
    locals.bind("update", raised, &tape)
    locals.bind("update", tape.temporary("update", of: parameter, .fp32, shape: shape), &tape)
  }
}

/// torch.optim's Adafactor: row and column variances of matrices in the parameter's format.
///
/// Source: torch/optim/_adafactor.py, `_single_tensor_adafactor`, `_multi_tensor_adafactor`; one parameter at a time
/// unless `foreach` is asked for.
struct TorchAdafactor: OptimizerRule {
  let implementation: Optimizer.Implementation

  func openStates(of parameter: TrainedParameter, _ states: inout StateBook, _ tape: inout Tape) {
    let extents = parameter.shape.extents
    guard extents.count >= 2, let last = extents.last else {
      return states.open("\(parameter.name).variance", parameter.shape, parameter.format, &tape)
    }
    states.open("\(parameter.name).row_var", Shape(Array(extents.dropLast()) + [1]), parameter.format, &tape)
    states.open(
      "\(parameter.name).col_var", Shape(Array(extents.dropLast(2)) + [1, last]), parameter.format, &tape)
  }

  func update(_ group: [TrainedParameter], _ locals: inout Locals, _ tape: inout Tape) {
    if implementation == .foreach {
      for list in group.byFormat {
        for kind in [list.filter { $0.shape.extents.count > 1 }, list.filter { $0.shape.extents.count <= 1 }]
        where !kind.isEmpty {
          locals.bind("var_estimates", tape.temporaries("update", of: kind), of: kind, &tape)
        }
      }
      return
    }
    for parameter in group {
      tape.layer = parameter.layer
      if parameter.shape.extents.count > 1 {
        locals.bind("row_mean", tape.temporary("row_mean", of: parameter, shape: [parameter.rows, 1]), &tape)
        locals.bind("col_mean", tape.temporary("col_mean", of: parameter, shape: [1, parameter.columns]), &tape)
      } else {
        locals.bind("grad_squared", tape.temporary("grad.squared", of: parameter), &tape)
      }
      // `update` is the same storage as `var_estimate`.
      locals.bind("var_estimate", tape.temporary("update", of: parameter), &tape)
    }
  }
}
