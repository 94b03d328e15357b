import Bookkeeping
import Kernels
import Modeling

/// A frozen linear weight as 4-bit codes, with plain or doubly quantized absmax.
///
/// The layout is bitsandbytes': blocks of 64 over the row-major weight, absmax in blocks of 256 where it is quantized too.
final class NF4Weight {
  let name: String
  let shape: Shape
  let isDouble: Bool
  private var codes: Tensor<UInt8>
  private var absmax = Tensor<Float>()
  private var absmaxCodes = Tensor<UInt8>()
  private var nestedAbsmax = Tensor<Float>()
  private var offset = Tensor<Float>()
  private let arena: Arena

  static let blockSize = 64
  static let nestedBlockSize = 256

  /// Fills a weight from `source` and quantizes it; the full-precision copy lives only as long as that takes.
  init(_ parameter: Parameter, isDouble: Bool, source: some WeightSource, in arena: Arena) throws {
    name = parameter.name
    shape = parameter.shape
    self.isDouble = isDouble
    self.arena = arena
    let count = parameter.count
    let blocks = (count + NF4Weight.blockSize - 1) / NF4Weight.blockSize
    func part(_ name: String) -> String { TensorName.part(name, of: parameter.name) }

    var whole: Tensor<Float> = try arena.open(part("source"), .workspace, parameter.shape)
    try source.fill(parameter, into: whole.mutableSpan)
    codes = try arena.open(part("codes"), .weights, [count], format: .nf4)
    if isDouble {
      var plain: Tensor<Float> = try arena.open(part("absmax.source"), .workspace, [blocks])
      absmaxCodes = try arena.open(part("absmax"), .quantizationConstants, [blocks])
      let nested = (blocks + NF4Weight.nestedBlockSize - 1) / NF4Weight.nestedBlockSize
      nestedAbsmax = try arena.open(part("nested_absmax"), .quantizationConstants, [nested])
      offset = try arena.open(part("offset"), .quantizationConstants, [1])
      NF4.quantize(whole.span, blockSize: NF4Weight.blockSize, intoPacked: codes.mutableSpan, absmax: plain.mutableSpan)
      let mean = NF4.quantizeAbsmax(plain.span, into: absmaxCodes.mutableSpan, absmax2: nestedAbsmax.mutableSpan)
      Elementwise.fill(offset.mutableSpan, with: mean)
      plain.close()
    } else {
      absmax = try arena.open(part("absmax"), .quantizationConstants, [blocks])
      NF4.quantize(
        whole.span, blockSize: NF4Weight.blockSize, intoPacked: codes.mutableSpan, absmax: absmax.mutableSpan)
    }
    whole.close()
  }

  /// The weight made whole, for the one product that is about to run.
  func dequantized() throws(ArenaError) -> Tensor<Float> {
    var whole: Tensor<Float> = try arena.open(TensorName.dequantized(name), .workspace, shape)
    if isDouble {
      NF4.dequantize(
        packed: codes.span, absmaxCodes: absmaxCodes.span, absmax2: nestedAbsmax.span, offset: offset.span[0],
        count: shape.count, into: whole.mutableSpan)
    } else {
      NF4.dequantize(packed: codes.span, absmax: absmax.span, count: shape.count, into: whole.mutableSpan)
    }
    return whole
  }
}
