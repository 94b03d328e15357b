import Bookkeeping
import Modeling

/// torchao's AdamW with quantized states: codes, an fp32 scale every 256 elements, and code tables of each state's own.
///
/// What has fewer than 4096 elements, or no multiple of 256, is kept as the parameter is. The step is compiled
/// (`single_param_adam`): its copies in fp32 live in registers, and what the compiler leaves in memory is not counted.
///
/// Sources: torchao/optim/adam.py, `_AdamBase._new_buffer`; subclass_8bit.py, subclass_4bit.py and subclass_fp8.py,
/// `zeros`; transformers/trainer_optimizer.py, `_get_torchao_optimizer`, for the block size.
struct TorchAOOptimizer: OptimizerRule {
  let states: Optimizer.TorchAOStates

  private static let quantizedElements = 4096
  private static let blockElements = 256

  func openStates(of parameter: TrainedParameter, _ book: inout StateBook, _ tape: inout Tape) {
    let count = parameter.count
    let isQuantized =
      count >= TorchAOOptimizer.quantizedElements && count.isMultiple(of: TorchAOOptimizer.blockElements)
    for name in [TensorName.firstMoment(of: parameter.name), TensorName.secondMoment(of: parameter.name)] {
      guard isQuantized else {
        book.open(name, parameter.shape, parameter.format, &tape)
        continue
      }
      switch states {
      case .codes8: book.open(name, parameter.shape, .uint8, &tape)
      case .codes4: book.open(name, [count / 2], .uint8, &tape)
      case .fp8: book.open(name, parameter.shape, .fp8, &tape)
      }
      book.open("\(name).scale", [count / TorchAOOptimizer.blockElements], .fp32, &tape)
      switch states {
      case .codes8: book.open("\(name).qmap", [256], .fp32, &tape)
      case .codes4: book.open("\(name).qmap", [16], .fp32, &tape)
      case .fp8: break
      }
    }
  }
}
