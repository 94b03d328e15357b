import Bookkeeping
import Modeling

/// bitsandbytes' optimizers: fp32 states, or from 4096 elements on 8-bit codes with an fp32 absmax every 256 and a code
/// table of 256 values that all parameters share; kernels that borrow nothing.
///
/// 8-bit Adam takes 2 + 2·4/256 = 2.03125 bytes a parameter. Paged states of 100,000 elements and more are in managed
/// memory.
///
/// Sources: bitsandbytes/optim/optimizer.py, `Optimizer1State.init_state`, `Optimizer2State.init_state`,
/// `get_state_buffer`; ademamix.py, `AdEMAMix.init_state`.
struct BitsAndBytesOptimizer: OptimizerRule {
  let states: Optimizer.BitsAndBytesStates

  private static let quantizedElements = 4096
  private static let blockElements = 256
  private static let pagedElements = 100_000

  private var hasSecond: Bool {
    switch states.update {
    case .adam, .ademamix: true
    case .lion, .rmsprop: false
    }
  }

  func openTables(_ book: inout StateBook, _ tape: inout Tape) {
    guard states.isQuantized else { return }
    for table in hasSecond ? ["dynamic", "udynamic"] : ["dynamic"] {
      book.open("optimizer.\(table)_map", [256], .fp32, &tape)
    }
  }

  func openStates(of parameter: TrainedParameter, _ book: inout StateBook, _ tape: inout Tape) {
    BitsAndBytesOptimizer.open(states, parameter.name, parameter.shape, &book, &tape)
  }

  /// The states of a parameter, or of a projected gradient, of this shape.
  static func open(
    _ states: Optimizer.BitsAndBytesStates, _ name: String, _ shape: Shape, _ book: inout StateBook,
    _ tape: inout Tape
  ) {
    let count = shape.count
    let isQuantized = states.isQuantized && count >= quantizedElements
    let isPaged = states.isPaged && count >= pagedElements
    var moments: [(name: String, copies: Int)]
    switch states.update {
    case .adam: moments = [(TensorName.firstMoment(of: name), 1), (TensorName.secondMoment(of: name), 1)]
    case .ademamix: moments = [(TensorName.firstMoment(of: name), 2), (TensorName.secondMoment(of: name), 1)]
    case .lion: moments = [(TensorName.firstMoment(of: name), 1)]
    case .rmsprop: moments = [(TensorName.secondMoment(of: name), 1)]
    }
    for moment in moments {
      let extents = moment.copies == 1 ? shape.extents : [moment.copies] + shape.extents
      book.open(moment.name, Shape(extents), isQuantized ? .uint8 : .fp32, isPaged: isPaged, &tape)
    }
    guard isQuantized else { return }
    let blocks = (count + blockElements - 1) / blockElements
    for moment in moments {
      book.open("\(moment.name).absmax", [moment.copies * blocks], .fp32, &tape)
    }
  }
}
