import Kernels
import Testing

// Shape letters here: T rows (tokens), I input width, O output width.

/// Sums in fp16 are a setting of the process, so that whatever uses them runs in one of its own.
@Suite(.enabled(if: PartialSums.fp16.isAvailable, "this processor has no arithmetic in fp16"))
struct `Sums of 32 products in fp16` {
  @Test func `agree with sums in double precision in every combination of formats`() async {
    await #expect(processExitsWith: .success) {
      PartialSums.use(.fp16)
      for extents in [
        (1, 1, 1), (3, 17, 1), (1, 65, 63), (17, 3, 64), (64, 64, 64), (65, 200, 31), (130, 63, 33), (9, 2300, 40),
        (200, 96, 130), (17_000, 5, 7),
      ] {
        Product(extents.0, extents.1, extents.2).checkNarrowFormats()
      }
    }
  }

  /// What the setting promises: an error of about 9e-4 of a sum's size, where storing it in bf16 errs by 1.6e-3.
  @Test func `err by less than storing the sum in bf16 does`() async {
    await #expect(processExitsWith: .success) {
      let (rows, input, output) = (120, 1536, 96)
      var values = TestValues(seed: 5)
      let x = values.array(rows * input).map(BFloat16.init(nearest:))
      let w = values.array(output * input).map(BFloat16.init(nearest:))
      func product(_ sums: PartialSums) -> [Float] {
        PartialSums.use(sums)
        var y = [Float](repeating: .nan, count: rows * output)
        MatrixProduct.forward(x: x.span, weight: w.span, rows: rows, input: input, output: output, into: y.mutableSpan)
        return y
      }
      let (exact, seen) = (product(.fp32), product(.fp16))
      let error = zip(exact, seen).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
      let size = exact.reduce(0) { $0 + Double($1) * Double($1) }
      let relative = (error / size).squareRoot()
      let stored = exact.reduce(0) {
        let lost = Double($1 - BFloat16(nearest: $1).single)
        return $0 + lost * lost
      }
      // Something is lost, or the setting does nothing.
      #expect(relative > 1e-5 && relative < 0.7 * (stored / size).squareRoot(), "\(relative)")
    }
  }

  /// Each line has its own scale, so that gradients of 1e-20 are as exact as activations of 1e4.
  @Test func `are the same at every power of two`() async {
    await #expect(processExitsWith: .success) {
      PartialSums.use(.fp16)
      let (rows, input, output) = (30, 130, 40)
      var values = TestValues(seed: 9)
      let x = values.array(rows * input)
      let w = values.array(output * input).map(BFloat16.init(nearest:))
      func product(_ exponent: (Int) -> Int) -> [Float] {
        let scaled = x.indices.map {
          BFloat16(nearest: x[$0] * Float(sign: .plus, exponent: exponent($0 / input), significand: 1))
        }
        var y = [Float](repeating: .nan, count: rows * output)
        MatrixProduct.forward(
          x: scaled.span, weight: w.span, rows: rows, input: input, output: output, into: y.mutableSpan)
        return y
      }
      let plain = product { _ in 0 }
      let scaled = product { row in 4 * row - 60 }
      for index in plain.indices {
        let expected = plain[index] * Float(sign: .plus, exponent: 4 * (index / output) - 60, significand: 1)
        #expect(scaled[index] == expected)
      }
      #expect(product { _ in -149 }.allSatisfy { $0.isFinite })
    }
  }

  @Test func `hand a NaN or an infinity on to the elements that it is part of and no others`() async {
    await #expect(processExitsWith: .success) {
      PartialSums.use(.fp16)
      let (rows, input, output) = (20, 70, 40)
      var values = TestValues(seed: 3)
      var x = values.array(rows * input).map(BFloat16.init(nearest:))
      let w = values.array(output * input).map(BFloat16.init(nearest:))
      x[3 * input + 69] = BFloat16(nearest: .nan)
      x[7 * input] = BFloat16(nearest: -.infinity)
      var y = [Float](repeating: 0, count: rows * output)
      MatrixProduct.forward(x: x.span, weight: w.span, rows: rows, input: input, output: output, into: y.mutableSpan)
      for row in 0..<rows {
        let seen = y[row * output..<(row + 1) * output]
        let counts = [seen.count(where: \.isNaN), seen.count(where: \.isInfinite), seen.count(where: \.isFinite)]
        #expect(counts == (row == 3 ? [output, 0, 0] : row == 7 ? [0, output, 0] : [0, 0, output]))
      }
      // The largest power of two there is, in every place: finite as long as the sum is.
      let largest = [BFloat16](repeating: BFloat16(nearest: 0x1p127), count: 64)
      let small = [BFloat16](repeating: BFloat16(nearest: 0x1p-10), count: 64)
      var sum = [Float](repeating: 0, count: 1)
      MatrixProduct.forward(x: largest.span, weight: small.span, rows: 1, input: 64, output: 1, into: sum.mutableSpan)
      #expect(sum == [0x1p123])
      // The largest halves that scaling leaves, in every place of both operands: their sums do not overflow.
      let full = [BFloat16](repeating: BFloat16(nearest: 0x1.FEp0), count: 128)
      MatrixProduct.forward(x: full.span, weight: full.span, rows: 1, input: 128, output: 1, into: sum.mutableSpan)
      #expect(abs(sum[0] - 128 * 0x1.FEp0 * 0x1.FEp0) < 0x1p-7 * 512)
    }
  }

  /// Attention then rounds probabilities and their gradient to bf16, as FlashAttention does, before they are multiplied.
  @Test func `leave attention within a few roundings of bf16`() async {
    await #expect(processExitsWith: .success) {
      PartialSums.use(.fp16)
      Parallelism.configure(threads: 2)
      // With heads of 64 there is room to pack keys and values once: blocks that end within 128 keys and on them, in one
      // tile; heads of 10 and more keys than a tile has are packed block by block.
      for (extents, dimension) in [
        ((1, 1, 1), 10), ((5, 2, 1), 10), ((70, 4, 2), 10), ((600, 3, 1), 10), ((200, 4, 2), 64), ((130, 6, 2), 64),
        ((512, 3, 1), 64), ((300, 2, 2), 128), ((577, 2, 1), 64),
      ] {
        let (narrow, wide) = attentions(extents, dimension: dimension, threads: 2)
        // Two or three roundings of 2⁻⁹ each, and the sums' own error of 9e-4, of terms that partly cancel.
        for (seen, expected) in zip([narrow.out] + narrow.gradients, [wide.out] + wide.gradients) {
          let error = zip(seen, expected).reduce(0) { $0 + Double($1.0.single - $1.1) * Double($1.0.single - $1.1) }
          let size = expected.reduce(0) { $0 + Double($1) * Double($1) }
          // Where there is one key, dq and dk are what is left of numbers near one.
          #expect(
            error <= 0.01 * 0.01 * size + 1e-5 * Double(seen.count),
            "\(extents), \(dimension): \((error / size).squareRoot())")
        }
        expectClose(narrow.logsumexp, wide.logsumexp.doubles, tolerance: 0.003, "logsumexp")
      }
    }
  }

  /// The products of 4-bit weights go the same way, from the same values.
  @Test func `of weights in 4 bits are those of the dequantized weight, to the bit`() async {
    await #expect(processExitsWith: .success) {
      PartialSums.use(.fp16)
      for (rows, input, output) in [(1, 1, 1), (3, 64, 17), (33, 63, 65), (70, 128, 200), (5, 1216, 40)] {
        var values = TestValues(seed: UInt64(input + output))
        let x = values.array(rows * input).map(BFloat16.init(nearest:))
        let weight = QuantizedValues(values.array(output * input, scale: 0.02))
        let dense = weight.dequantized(isDouble: true).map(BFloat16.init(nearest:))
        var expected = [BFloat16](repeating: BFloat16(nearest: 0), count: rows * output)
        var y = expected
        MatrixProduct.forward(
          x: x.span, weight: dense.span, rows: rows, input: input, output: output, into: expected.mutableSpan)
        weight.withOperand(isDouble: true) {
          MatrixProduct.forward(x: x.span, weight: $0, rows: rows, input: input, output: output, into: y.mutableSpan)
        }
        #expect(y == expected)
      }
    }
  }
}
