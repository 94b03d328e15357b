import Bookkeeping
import Modeling

/// What an optimizer keeps between steps and borrows during one, in torch, bitsandbytes and transformers.
struct TorchOptimizer {
  let kind: Optimizer.Kind

  /// Opens the states of every trained parameter, as they stand from the end of the first step on.
  ///
  /// - Returns: those that are not in torch's allocator (cudaMallocManaged pages), booked all the same.
  func openStates(_ tape: inout Tape) -> Set<Journal.ID> {
    var outside: Set<Journal.ID> = []
    if kind == .adamw8bit || kind == .pagedAdamw8bit {
      for table in ["dynamic", "udynamic"] {
        _ = tape.openNamed("optimizer.\(table)_map", [256], .fp32, .optimizerState)
      }
    }
    for leaf in tape.optimizedLeaves {
      tape.layer = leaf.layer
      openStates(of: leaf.tensor, &tape, &outside)
    }
    tape.layer = nil
    return outside
  }

  private func openStates(of parameter: Tensor, _ tape: inout Tape, _ outside: inout Set<Journal.ID>) {
    let name = parameter.name
    let (first, second) = (TensorName.firstMoment(of: name), TensorName.secondMoment(of: name))
    let isPaged = [.pagedAdamw, .pagedAdamw8bit].contains(kind) && parameter.count >= TorchOptimizer.pagedElements
    func open(_ state: String, _ format: ScalarFormat) {
      let tensor = tape.openNamed(state, parameter.shape, format, .optimizerState)
      if isPaged { outside.insert(tape.entry(of: tensor)) }
    }
    switch kind {
    case .adamw:
      // torch/optim/adam.py: moments in the parameter's format; `fused` keeps its step counter on the device.
      open(first, parameter.format)
      open(second, parameter.format)
      _ = tape.openNamed("\(name).step", [1], .fp32, .optimizerState)
    case .pagedAdamw:
      open(first, .fp32)
      open(second, .fp32)
    case .adamw8bit, .pagedAdamw8bit:
      // bitsandbytes/optim/optimizer.py, `Optimizer2State.init_state`: below 4096 elements fp32, without scales.
      let format: ScalarFormat = parameter.count < 4096 ? .fp32 : .uint8
      for state in [first, second] {
        open(state, format)
        guard format == .uint8 else { continue }
        _ = tape.openNamed("\(state).absmax", [(parameter.count + 255) / 256], .fp32, .optimizerState)
      }
    case .lion:
      // bitsandbytes' Lion keeps fp32 whatever the parameter is.
      open(first, .fp32)
    case .sgd: break
    case .sgdMomentum:
      open(TensorName.momentum(of: name), parameter.format)
    case .adafactor:
      openFactors(of: parameter, &tape)
    }
  }

  /// bitsandbytes/optim/optimizer.py, `get_state_buffer`: from 100 000 elements on.
  private static let pagedElements = 100_000

  /// transformers/optimization.py, `Adafactor`: fp32 row and column means of matrices, the whole square of vectors.
  private func openFactors(of parameter: Tensor, _ tape: inout Tape) {
    let extents = parameter.shape.extents
    guard extents.count >= 2, let last = extents.last else {
      _ = tape.openNamed(
        TensorName.secondMoment(of: parameter.name), parameter.shape, .fp32, .optimizerState)
      return
    }
    let columns = Array(extents.dropLast(2)) + [last]
    _ = tape.openNamed("\(parameter.name).exp_avg_sq_row", Shape(Array(extents.dropLast())), .fp32, .optimizerState)
    _ = tape.openNamed("\(parameter.name).exp_avg_sq_col", Shape(columns), .fp32, .optimizerState)
  }

  /// The step itself: fused and bitsandbytes kernels write in place; Adafactor is Python and makes copies.
  func step(_ tape: inout Tape) {
    tape.advance(to: .optimizer)
    guard kind == .adafactor else { return }
    for leaf in tape.optimizedLeaves {
      let parameter = leaf.tensor
      tape.layer = leaf.layer
      func open(_ suffix: String, _ tape: inout Tape) -> Tensor {
        tape.openNamed("\(parameter.name).\(suffix)", parameter.shape, .fp32, .workspace)
      }
      let isHalf = parameter.format != .fp32
      let gradient = isHalf ? open("grad.fp32", &tape) : .void
      let whole = isHalf ? open("fp32", &tape) : .void
      let squares = open("squares", &tape)
      var update = open("update", &tape)
      tape.drop(squares)
      let next = open("update.scaled", &tape)
      tape.drop(update)
      update = next
      let negated = open("update.negated", &tape)
      for tensor in [negated, update, whole, gradient] { tape.drop(tensor) }
    }
    tape.layer = nil
  }
}
