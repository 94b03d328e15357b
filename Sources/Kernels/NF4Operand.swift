// Shape letters here: T rows (tokens).

import CKernels

/// A weight `[output, input]` in 4 bits as a matrix product reads it: decoded block by block where it is packed.
public struct NF4Operand: ~Escapable {
  let codes: Span<UInt8>
  private let absmax: Span<Float>
  private let absmaxCodes: Span<UInt8>
  private let offset: Float
  private let isDouble: Bool
  private let blockSize: Int

  /// A weight whose blocks have one scale each.
  @_lifetime(copy codes, copy absmax)
  public init(codes: Span<UInt8>, absmax: Span<Float>, blockSize: Int = 64) {
    self.codes = codes
    self.absmax = absmax
    absmaxCodes = Span()
    offset = 0
    isDouble = false
    self.blockSize = blockSize
  }

  /// A weight whose scales are quantized themselves: `scale = dynamicMap[code] · absmax2[block / 256] + offset`.
  @_lifetime(copy codes, copy absmaxCodes, copy absmax2)
  public init(
    codes: Span<UInt8>, absmaxCodes: Span<UInt8>, absmax2: Span<Float>, offset: Float, blockSize: Int = 64
  ) {
    self.codes = codes
    absmax = absmax2
    self.absmaxCodes = absmaxCodes
    self.offset = offset
    isDouble = true
    self.blockSize = blockSize
  }

  func check(count: Int) {
    precondition(blockSize > 0 && blockSize % 2 == 0, "a block of \(blockSize) elements does not fill whole bytes")
    let blocks = (count + blockSize - 1) / blockSize
    expect("codes", count: codes.count, is: (count + 1) / 2)
    if isDouble {
      expect("absmaxCodes", count: absmaxCodes.count, is: blocks)
      expect("absmax2", count: absmax.count, is: (blocks + NF4.scalesPerBlock - 1) / NF4.scalesPerBlock)
    } else {
      expect("absmax", count: absmax.count, is: blocks)
    }
  }

  /// Runs `body` with the weight as our kernel reads it.
  func withColumns(alongDepth: Bool, stride: Int, _ body: (plk_operand) -> Void) {
    NF4.code.withUnsafeBufferPointer { levels in
      NF4.dynamicMap.withUnsafeBufferPointer { map in
        var operand = plk_operand()
        operand.base = UnsafeRawPointer(codes.address)
        operand.format = Int32(PLK_NF4)
        operand.along_depth = alongDepth ? 1 : 0
        operand.stride = Int64(stride)
        operand.levels = levels.baseAddress
        operand.map = map.baseAddress
        if isDouble {
          operand.absmax_codes = absmaxCodes.address
          operand.absmax2 = absmax.address
        } else {
          operand.absmax = absmax.address
        }
        operand.offset = offset
        operand.block_size = Int64(blockSize)
        body(operand)
      }
    }
  }
}

extension MatrixProduct {
  /// Computes `y[T, output] = scale · x[T, input] · W[output, input]ᵀ` for a weight in 4 bits, which is never whole.
  ///
  /// The products are those of ``NF4/dequantize(packed:absmax:count:blockSize:into:)``'s weights, rounded to bf16 where
  /// `x` is bf16.
  public static func forward<X: Number, Y: Number>(
    x: Span<X>, weight: borrowing NF4Operand, rows: Int, input: Int, output: Int, scale: Float = 1,
    accumulate: Bool = false, into y: consuming MutableSpan<Y>
  ) {
    expect("x", count: x.count, is: rows * input)
    weight.check(count: output * input)
    expect("y", count: y.count, is: rows * output)
    guard let c = y.address else { return }
    let a = Operand(x.address, transposed: false, stride: input).rows
    weight.withColumns(alongDepth: true, stride: input) { b in
      runBlocked(a, b, into: c, m: rows, n: output, k: input, scale: scale, accumulate: accumulate)
    }
  }

  /// Computes `dx[T, input] = scale · dy[T, output] · W[output, input]` for a weight in 4 bits, which is never whole.
  public static func inputGradient<Y: Number, X: Number>(
    dy: Span<Y>, weight: borrowing NF4Operand, rows: Int, input: Int, output: Int, scale: Float = 1,
    accumulate: Bool = false, into dx: consuming MutableSpan<X>
  ) {
    expect("dy", count: dy.count, is: rows * output)
    weight.check(count: output * input)
    expect("dx", count: dx.count, is: rows * input)
    guard let c = dx.address else { return }
    let a = Operand(dy.address, transposed: false, stride: output).rows
    weight.withColumns(alongDepth: false, stride: input) { b in
      runBlocked(a, b, into: c, m: rows, n: input, k: output, scale: scale, accumulate: accumulate)
    }
  }

  /// Multiplies on all threads by our own kernel.
  static func runBlocked<C: Number>(
    _ a: plk_operand, _ b: plk_operand, _ path: plk_low_rank? = nil, into c: UnsafeMutablePointer<C>, m: Int, n: Int,
    k: Int, scale: Float = 1, accumulate: Bool
  ) {
    let start = plk_now()
    BlockedProduct(a, b, into: c, stride: n, m: m, n: n, k: k, scale: scale, accumulate: accumulate).run(path)
    let perToken = n * k + Int(path?.rank ?? 0) * (n + k)
    MatrixProductMeter.add(
      nanoseconds: plk_now() - start, flops: UInt64(2 * m * perToken), calls: path == nil ? 1 : 3)
  }
}
