import Bookkeeping
import Modeling

// Shape letters here: N rows, K columns of a matrix, m the smaller of them, r rank.

/// GaLore: gradients of the decoder's linear layers are projected to rank r, and moments kept of the projection.
///
/// Method: Zhao, Zhang et al. 2024, <https://arxiv.org/abs/2403.03507>.
/// A projector is made by a singular value decomposition, anew every 200 steps; such a step is what is planned, since a
/// run's peak has it. Of an fp32 gradient the projector is a view that keeps all of U or Vh, [m, m]. What cuSOLVER
/// borrows is not counted.
///
/// Sources: galore_torch/galore_projector.py, adamw.py, adamw8bit.py, adafactor.py;
/// transformers/trainer_optimizer.py, `_get_galore_optimizer` (`proj_type=std`).
struct GaLore: OptimizerRule {
  let rank: Int
  let update: Optimizer.GaloreUpdate

  private static let states8Bit = Optimizer.Kind.adamw8bit.family

  func openTables(_ states: inout StateBook, _ tape: inout Tape) {
    guard update == .adamw8bit else { return }
    for table in ["dynamic", "udynamic"] { states.open("optimizer.\(table)_map", [256], .fp32, &tape) }
  }

  func openStates(of parameter: TrainedParameter, _ states: inout StateBook, _ tape: inout Tape) {
    var shape = parameter.shape
    if parameter.isHiddenMatrix {
      let projection = LowRank(of: parameter, rank: rank)
      states.open(
        "\(parameter.name).projector", projectorShape(projection, parameter), projectorFormat(parameter), &tape)
      shape = projection.low
    }
    switch update {
    case .adamw:
      states.open(TensorName.firstMoment(of: parameter.name), shape, parameter.format, &tape)
      states.open(TensorName.secondMoment(of: parameter.name), shape, parameter.format, &tape)
    case .adamw8bit:
      guard case .bitsandbytes(let kept) = GaLore.states8Bit else { return }
      BitsAndBytesOptimizer.open(kept, parameter.name, shape, &states, &tape)
      // adamw8bit.py passes `max_unorm` on, and with it a norm a parameter is kept.
      states.open("\(parameter.name).unorm_vec", [1], .fp32, &tape)
    case .adafactor:
      TransformersAdafactor.openFactors(of: parameter.name, shape, &states, &tape)
      states.open("\(parameter.name).rms", [1], .fp32, &tape)
    }
  }

  /// galore_projector.py, `get_orthogonal_matrix`: a slice of fp32 stays a view, one of another format is copied.
  private func projectorShape(_ projection: LowRank, _ parameter: TrainedParameter) -> Shape {
    guard projectorFormat(parameter) == .fp32 && keepsView(parameter) else { return projection.projector }
    return [projection.smaller, projection.smaller]
  }

  private func keepsView(_ parameter: TrainedParameter) -> Bool { parameter.format == .fp32 || update == .adafactor }

  /// Adafactor casts the gradient to fp32 before it is projected.
  private func projectorFormat(_ parameter: TrainedParameter) -> ScalarFormat {
    update == .adafactor ? .fp32 : parameter.format
  }

  func update(_ group: [TrainedParameter], _ locals: inout Locals, _ tape: inout Tape) {
    // Parameters that are not projected are a group of their own, and come first.
    for parameter in group.filter({ !$0.isHiddenMatrix }) + group.filter(\.isHiddenMatrix) {
      tape.layer = parameter.layer
      switch update {
      case .adamw: updateAdamW(parameter, &locals, &tape)
      case .adamw8bit: updateAdamW8Bit(parameter, &tape)
      case .adafactor: updateAdafactor(parameter, &locals, &tape)
      }
    }
  }

  /// The decomposition of a gradient: an fp32 copy of it unless it is in fp32, U [N, m], the values, Vh [m, K], and a
  /// product with the diagonal; the new projector stands beside the old one until it takes its place.
  private func decompose(
    _ parameter: TrainedParameter, _ projection: LowRank, isHalf: Bool, _ tape: inout Tape
  ) {
    func open(_ name: String, _ shape: Shape, _ tape: inout Tape) -> Tensor {
      tape.temporary("svd.\(name)", of: parameter, .fp32, shape: shape)
    }
    let matrix = isHalf ? open("matrix", parameter.shape, &tape) : .void
    let left = open("U", [parameter.rows, projection.smaller], &tape)
    let values = open("S", [projection.smaller], &tape)
    let right = open("Vh", [projection.smaller, parameter.columns], &tape)
    let diagonal = open("diagonal", [projection.rank, projection.rank], &tape)
    let other = open(
      "scaled", projection.isRight ? [parameter.rows, projection.rank] : [projection.rank, parameter.columns], &tape)
    tape.drop(diagonal)
    let projector =
      isHalf ? tape.temporary("projector.next", of: parameter, shape: projection.projector) : .void
    for tensor in [matrix, left, values, right, other, projector] { tape.drop(tensor) }
  }

  private func updateAdamW(_ parameter: TrainedParameter, _ locals: inout Locals, _ tape: inout Tape) {
    var shape = parameter.shape
    locals.release("grad", &tape)
    if parameter.isHiddenMatrix {
      let projection = LowRank(of: parameter, rank: rank)
      shape = projection.low
      decompose(parameter, projection, isHalf: parameter.format != .fp32, &tape)
      locals.bind("grad", tape.temporary("grad.projected", of: parameter, shape: shape), &tape)
    }
    locals.bind("denom", tape.temporary("denominator", of: parameter, shape: shape), &tape)
    locals.bind("norm_grad", tape.temporary("normalized", of: parameter, shape: shape), &tape)
    guard parameter.isHiddenMatrix else { return }
    locals.bind("norm_grad", projectedBack(parameter, parameter.format, &tape), &tape)
  }

  /// `project_back`: the full update, and the same scaled.
  private func projectedBack(
    _ parameter: TrainedParameter, _ format: ScalarFormat, _ tape: inout Tape
  ) -> Tensor {
    let full = tape.temporary("unscaled", of: parameter, format)
    let scaled = tape.temporary("scaled", of: parameter, format)
    tape.drop(full)
    return scaled
  }

  /// The parameter itself is put aside, and its gradient replaced by the projection, while bitsandbytes updates a stand-in.
  private func updateAdamW8Bit(_ parameter: TrainedParameter, _ tape: inout Tape) {
    guard parameter.isHiddenMatrix else { return }
    let projection = LowRank(of: parameter, rank: rank)
    decompose(parameter, projection, isHalf: parameter.format != .fp32, &tape)
    let projected = tape.temporary("grad.projected", of: parameter, shape: projection.low)
    // `p.saved_data` is a copy of the parameter's data, which is let go a line later: one of the two is left.
    let saved = tape.temporary("saved", of: parameter)
    let standIn = tape.temporary("stand_in", of: parameter, shape: projection.low)
    tape.drop(saved)
    if let leaf = parameter.leaf { tape.replaceGradient(of: leaf, by: projected) }
    let update = projectedBack(parameter, parameter.format, &tape)
    for tensor in [update, standIn, projected] { tape.drop(tensor) }
  }

  private func updateAdafactor(_ parameter: TrainedParameter, _ locals: inout Locals, _ tape: inout Tape) {
    let isHalf = parameter.format != .fp32
    locals.release("grad", &tape)
    let whole = isHalf ? tape.temporary("grad.fp32", of: parameter, .fp32) : .void
    var shape = parameter.shape
    if parameter.isHiddenMatrix {
      let projection = LowRank(of: parameter, rank: rank)
      shape = projection.low
      decompose(parameter, projection, isHalf: false, &tape)
      let projected = tape.temporary("grad.projected", of: parameter, .fp32, shape: shape)
      tape.drop(whole)
      locals.bind("grad", projected, &tape)
    } else if isHalf {
      locals.bind("grad", whole, &tape)
    }
    locals.release("p_data_fp32", &tape)
    if isHalf { locals.bind("p_data_fp32", tape.temporary("fp32", of: parameter, .fp32), &tape) }
    TransformersAdafactor.bindUpdate(parameter, shape, &locals, &tape)
    if parameter.isHiddenMatrix { locals.bind("update", projectedBack(parameter, .fp32, &tape), &tape) }
    let negated = tape.temporary("update.negated", of: parameter, .fp32)
    tape.drop(negated)
  }
}

/// The shapes of a projection to a low rank: from the right of a tall matrix, from the left of a wide one.
struct LowRank {
  let isRight: Bool
  let smaller: Int
  let rank: Int
  let projector: Shape
  let low: Shape

  init(of parameter: TrainedParameter, rank wanted: Int) {
    let (rows, columns) = (parameter.rows, parameter.columns)
    isRight = rows >= columns
    smaller = min(rows, columns)
    rank = min(wanted, smaller)
    projector = isRight ? [rank, columns] : [rows, rank]
    low = isRight ? [rows, rank] : [rank, columns]
  }
}
