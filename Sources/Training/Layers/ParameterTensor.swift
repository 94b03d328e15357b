public import Bookkeeping
public import Kernels
import Modeling

/// A weight that a step reads, and, if it is trained, its gradient and its optimizer's states, in fp32 all of them.
public final class ParameterTensor {
  public let name: String
  public let shape: Shape
  public let isTrained: Bool
  /// What the weight is stored in: fp32 or bf16.
  public let format: ScalarFormat
  /// The numbers of a weight in fp32; closed for one in bf16.
  public var value = Tensor<Float>()
  /// The numbers of a weight in bf16; closed for one in fp32.
  public var narrowValue = Tensor<BFloat16>()
  /// Open from the first micro-batch's backward until the gradients are given back.
  public var gradient = Tensor<Float>()
  var firstMoment = Tensor<Float>()
  var secondMoment = Tensor<Float>()
  /// The moments where they are kept in 8 bits.
  let quantizedFirst = QuantizedMoment()
  let quantizedSecond = QuantizedMoment()
  /// Who takes the gradient when it is whole, if not the end of the step.
  weak var consumer: GradientConsumer?
  private let arena: Arena

  init(
    _ name: String, _ account: Account, _ shape: Shape, format: ScalarFormat = .fp32, isTrained: Bool,
    in arena: Arena
  ) throws(ArenaError) {
    self.name = name
    self.shape = shape
    self.format = format
    self.isTrained = isTrained
    self.arena = arena
    if format == .bf16 {
      narrowValue = try arena.open(name, account, shape)
    } else {
      value = try arena.open(name, account, shape)
    }
  }

  /// A frozen weight that is read where it lies in a file.
  init(
    _ name: String, _ shape: Shape, format: ScalarFormat, in file: MappedNumbers, of arena: Arena
  ) throws(ArenaError) {
    self.name = name
    self.shape = shape
    self.format = format
    self.arena = arena
    isTrained = false
    if format == .bf16 {
      narrowValue = try arena.map(name, .weights, shape, file)
    } else {
      value = try arena.map(name, .weights, shape, file)
    }
  }

  /// Opens the gradient if this is the first contribution of the step.
  ///
  /// - Returns: whether a contribution must be added to what is there, instead of overwriting it.
  func openGradient() throws(ArenaError) -> Bool {
    if gradient.isOpen { return true }
    gradient = try arena.open(TensorName.gradient(of: name), .gradients, shape)
    consumer?.add(self)
    return false
  }
}
