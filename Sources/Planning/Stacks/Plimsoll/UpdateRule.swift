import Bookkeeping
import Modeling

extension EngineWalk {
  /// Elements of a weight in bf16 that are there in fp32 while the optimizer works on them: a megabyte.
  private static let roundedPiece = 1 << 18

  /// The optimizer's step writes into weights and states, parameter by parameter.
  ///
  /// A weight in fp32 needs nothing else. One in bf16 is widened piece by piece, updated, and rounded at random to one of
  /// its two neighbors (Gupta et al. 2015, <https://arxiv.org/abs/1502.02551>, section 3).
  mutating func updateParameters() {
    for parameter in trainables { updateParameter(parameter.name, parameter.shape) }
  }

  /// One parameter's share of that, at the end of the step or within backward.
  mutating func updateParameter(_ name: String, _ shape: Shape) {
    // What trains is all weights or all adapters, and so all in one format.
    guard trainables.first?.format == .bf16 else { return }
    borrow(TensorName.widened(name), .workspace, [min(shape.count, EngineWalk.roundedPiece)])
  }
}
