import Kernels
import Testing

// Shape letters here: T rows (tokens), I input width, O output width.

extension KernelTests {
  @Suite struct `Products of weights in 4 bits` {
    /// T, I and O; where I is no multiple of 64, blocks run over the ends of rows.
    static let extents = [(1, 1, 1), (3, 64, 17), (33, 63, 65), (70, 128, 200), (5, 1216, 40), (130, 200, 64)]
    static let instructions = ProductInstructions.allCases.filter { $0.rawValue <= ProductInstructions.best.rawValue }

    @Test(arguments: instructions, extents)
    func `are those of the dequantized weight, to the bit`(
      instructions: ProductInstructions, extents: (Int, Int, Int)
    ) {
      let (rows, input, output) = extents
      var values = TestValues(seed: UInt64(input + output))
      let x = values.array(rows * input)
      let dy = values.array(rows * output)
      let weight = QuantizedValues(values.array(output * input, scale: 0.02))
      withInstructions(instructions) {
        // As bf16, so that the dense product is our own kernel's as well: its sums then have the same order.
        let (x16, dy16) = (x.map(BFloat16.init(nearest:)), dy.map(BFloat16.init(nearest:)))
        for isDouble in [false, true] {
          let dense = weight.dequantized(isDouble: isDouble).map(BFloat16.init(nearest:))
          var y = [Float](repeating: 1, count: rows * output)
          var expected = y
          MatrixProduct.forward(
            x: x16.span, weight: dense.span, rows: rows, input: input, output: output, scale: 0.5, accumulate: true,
            into: expected.mutableSpan)
          weight.withOperand(isDouble: isDouble) {
            MatrixProduct.forward(
              x: x16.span, weight: $0, rows: rows, input: input, output: output, scale: 0.5, accumulate: true,
              into: y.mutableSpan)
          }
          #expect(y == expected)

          var dx = [BFloat16](repeating: BFloat16(nearest: 1), count: rows * input)
          var expectedGradient = dx
          MatrixProduct.inputGradient(
            dy: dy16.span, weight: dense.span, rows: rows, input: input, output: output,
            into: expectedGradient.mutableSpan)
          weight.withOperand(isDouble: isDouble) {
            MatrixProduct.inputGradient(
              dy: dy16.span, weight: $0, rows: rows, input: input, output: output, into: dx.mutableSpan)
          }
          #expect(dx == expectedGradient)
        }
      }
    }

    @Test(arguments: instructions, extents)
    func `in fp32 agree with the dequantized weight's sums in double precision`(
      instructions: ProductInstructions, extents: (Int, Int, Int)
    ) {
      let (rows, input, output) = extents
      var values = TestValues(seed: UInt64(rows + output))
      let x = values.array(rows * input)
      let dy = values.array(rows * output)
      let weight = QuantizedValues(values.array(output * input, scale: 0.02))
      withInstructions(instructions) {
        for isDouble in [false, true] {
          let dense = weight.dequantized(isDouble: isDouble)
          let (one, two) = onOneAndTwoThreads {
            var y = [Float](repeating: .nan, count: rows * output)
            var dx = [Float](repeating: .nan, count: rows * input)
            weight.withOperand(isDouble: isDouble) {
              MatrixProduct.forward(
                x: x.span, weight: $0, rows: rows, input: input, output: output, into: y.mutableSpan)
              MatrixProduct.inputGradient(
                dy: dy.span, weight: $0, rows: rows, input: input, output: output, into: dx.mutableSpan)
            }
            return [y, dx]
          }
          #expect(one == two)
          expectClose(
            one[0], Reference.product(rows, output, input, { x[$0 * input + $1] }, { dense[$1 * input + $0] }), "y")
          expectClose(
            one[1], Reference.product(rows, input, output, { dy[$0 * output + $1] }, { dense[$0 * input + $1] }), "dx")
        }
      }
    }
  }
}

/// Weights quantized both ways.
struct QuantizedValues {
  private let codes: [UInt8]
  private let absmax: [Float]
  private let absmaxCodes: [UInt8]
  private let absmax2: [Float]
  private let offset: Float
  private let count: Int

  init(_ values: [Float]) {
    let blocks = (values.count + 63) / 64
    var codes = [UInt8](repeating: 0, count: (values.count + 1) / 2)
    var absmax = [Float](repeating: 0, count: blocks)
    var absmaxCodes = [UInt8](repeating: 0, count: blocks)
    var absmax2 = [Float](repeating: 0, count: (blocks + 255) / 256)
    NF4.quantize(values.span, intoPacked: codes.mutableSpan, absmax: absmax.mutableSpan)
    offset = NF4.quantizeAbsmax(absmax.span, into: absmaxCodes.mutableSpan, absmax2: absmax2.mutableSpan)
    count = values.count
    self.codes = codes
    self.absmax = absmax
    self.absmaxCodes = absmaxCodes
    self.absmax2 = absmax2
  }

  func dequantized(isDouble: Bool) -> [Float] {
    var weights = [Float](repeating: .nan, count: count)
    if isDouble {
      NF4.dequantize(
        packed: codes.span, absmaxCodes: absmaxCodes.span, absmax2: absmax2.span, offset: offset, count: count,
        into: weights.mutableSpan)
    } else {
      NF4.dequantize(packed: codes.span, absmax: absmax.span, count: count, into: weights.mutableSpan)
    }
    return weights
  }

  func withOperand(isDouble: Bool, _ body: (borrowing NF4Operand) -> Void) {
    if isDouble {
      body(NF4Operand(codes: codes.span, absmaxCodes: absmaxCodes.span, absmax2: absmax2.span, offset: offset))
    } else {
      body(NF4Operand(codes: codes.span, absmax: absmax.span))
    }
  }
}
