import Bookkeeping
import Kernels
import Modeling

/// A moment of a parameter in 8-bit codes of a dynamic map, with a scale for every 256 of them.
final class QuantizedMoment {
  var codes = Tensor<UInt8>()
  var absmax = Tensor<Float>()

  /// Where the scales of elements are that begin with a block.
  static func scales(of elements: Range<Int>) -> Range<Int> {
    let block = BlockwiseAdamWKernel.blockElements
    return elements.lowerBound / block..<(elements.upperBound + block - 1) / block
  }

  /// Opens codes and scales; scales of zero make every element zero, whatever its code.
  func open(_ name: String, _ shape: Shape, in arena: Arena) throws(ArenaError) {
    codes = try arena.open(name, .optimizerState, shape)
    let block = BlockwiseAdamWKernel.blockElements
    absmax = try arena.open(TensorName.part("absmax", of: name), .optimizerState, [(shape.count + block - 1) / block])
    Elementwise.zero(codes.mutableSpan)
    Elementwise.fill(absmax.mutableSpan, with: 0)
  }
}
