import Bookkeeping
import Kernels
import Modeling

// Shape letters here: T tokens, I input width, O output width.

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

  static let blockSize = 64
  static let nestedBlockSize = 256

  /// Fills a weight from `source` and quantizes it; the full-precision copy lives only as long as that takes.
  init(_ parameter: Parameter, isDouble: Bool, source: some WeightSource, in arena: Arena) throws {
    name = parameter.name
    shape = parameter.shape
    self.isDouble = isDouble
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

  /// Computes `y[T, O] = x[T, I] · Wᵀ`, added to `y` when accumulating; the codes are decoded inside the product.
  func forward<X: Number>(x: Span<X>, rows: Int, accumulate: Bool, into y: consuming MutableSpan<X>) {
    MatrixProduct.forward(
      x: x, weight: operand, rows: rows, input: input, output: output, accumulate: accumulate, into: y)
  }

  /// The same and the path of an adapter beside it, whose inner product `[T, r]` goes to `inner`.
  func forward<X: StoredNumber>(
    x: Span<X>, _ adapter: LoRAAdapter, inner: inout Tensor<X>, rows: Int, accumulate: Bool,
    into y: consuming MutableSpan<X>
  ) {
    MatrixProduct.forward(
      x: x, weight: operand, path: adapter.path(into: &inner), rows: rows, input: input, output: output,
      accumulate: accumulate, into: y)
  }

  /// Computes `dx[T, I] = dy[T, O] · W`, added to `dx` when accumulating; the codes are decoded inside the product.
  func inputGradient<X: Number>(dy: Span<X>, rows: Int, accumulate: Bool, into dx: consuming MutableSpan<X>) {
    MatrixProduct.inputGradient(
      dy: dy, weight: operand, rows: rows, input: input, output: output, accumulate: accumulate, into: dx)
  }

  /// The same and the path of an adapter beside it, whose inner product `[T, r]` goes to `inner`.
  func inputGradient<X: StoredNumber>(
    dy: Span<X>, _ adapter: LoRAAdapter, inner: inout Tensor<X>, rows: Int, accumulate: Bool,
    into dx: consuming MutableSpan<X>
  ) {
    MatrixProduct.inputGradient(
      dy: dy, weight: operand, path: adapter.path(into: &inner), rows: rows, input: input, output: output,
      accumulate: accumulate, into: dx)
  }

  private var output: Int { shape.extents[0] }
  private var input: Int { shape.extents[1] }

  /// The weight as a product reads it, for one kernel's call: no more tied to a lifetime than a tensor's span is.
  private var operand: NF4Operand {
    @_lifetime(immortal)
    get {
      if isDouble {
        NF4Operand(
          codes: codes.span, absmaxCodes: absmaxCodes.span, absmax2: nestedAbsmax.span, offset: offset.span[0])
      } else {
        NF4Operand(codes: codes.span, absmax: absmax.span)
      }
    }
  }
}
