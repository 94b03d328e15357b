public import Bookkeeping
import Kernels
import Modeling

/// A weight in fp32 that a step reads, and, if it is trained, its gradient and its optimizer's states.
public final class ParameterTensor {
  public let name: String
  public let shape: Shape
  public let isTrained: Bool
  public var value: Tensor<Float>
  /// Open from the first micro-batch's backward until the gradients are given back.
  public var gradient = Tensor<Float>()
  var firstMoment = Tensor<Float>()
  var secondMoment = Tensor<Float>()
  /// The moments where they are kept in 8 bits.
  let quantizedFirst = QuantizedMoment()
  let quantizedSecond = QuantizedMoment()
  private let arena: Arena

  init(_ name: String, _ account: Account, _ shape: Shape, isTrained: Bool, in arena: Arena) throws(ArenaError) {
    self.name = name
    self.shape = shape
    self.isTrained = isTrained
    self.arena = arena
    value = try arena.open(name, account, shape)
  }

  /// Opens the gradient if this is the first contribution of the step.
  ///
  /// - Returns: whether a contribution must be added to what is there, instead of overwriting it.
  func openGradient() throws(ArenaError) -> Bool {
    if gradient.isOpen { return true }
    gradient = try arena.open(TensorName.gradient(of: name), .gradients, shape)
    return false
  }
}
