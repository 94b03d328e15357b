import Kernels
import Testing

// Shape letters here: T rows (tokens), I input width, O output width.

extension KernelTests {
  /// Products in other formats than fp32 alone, by every instruction set that this processor has.
  @Suite struct `Blocked matrix products` {
    /// T, I and O: one, odd, below and above the tiles and panels of every instruction set, deeper than a block,
    /// and more rows than a block has, of few enough columns.
    static let extents = [
      (1, 1, 1), (3, 17, 1), (1, 65, 63), (17, 3, 64), (64, 64, 64), (65, 200, 31), (130, 63, 33), (9, 2500, 40),
      (200, 96, 130), (17_000, 5, 7),
    ]

    static let instructions = ProductInstructions.allCases.filter { $0.rawValue <= ProductInstructions.best.rawValue }

    @Test(arguments: instructions, extents)
    func `the three products agree with sums in double precision in every combination of formats`(
      instructions: ProductInstructions, extents: (Int, Int, Int)
    ) {
      let product = Product(extents.0, extents.1, extents.2)
      withInstructions(instructions) { product.checkNarrowFormats() }
    }

    @Test(arguments: instructions)
    func `a rank as small as an adapter's makes one extent small`(instructions: ProductInstructions) {
      withInstructions(instructions) {
        for rank in [1, 8, 16, 64] {
          Product(70, 130, rank).check(BFloat16.self, BFloat16.self, Float.self)
          Product(70, rank, 130).check(BFloat16.self, Float.self, BFloat16.self)
        }
      }
    }

    @Test(arguments: instructions)
    func `a NaN or an infinity reaches the elements that it is part of and no others`(
      instructions: ProductInstructions
    ) {
      let (rows, input, output) = (20, 70, 40)
      var values = TestValues(seed: 3)
      var x = values.array(rows * input).map(BFloat16.init(nearest:))
      let w = values.array(output * input).map(BFloat16.init(nearest:))
      x[3 * input + 69] = BFloat16(nearest: .nan)
      x[7 * input] = BFloat16(nearest: .infinity)
      withInstructions(instructions) {
        var y = [Float](repeating: 0, count: rows * output)
        MatrixProduct.forward(x: x.span, weight: w.span, rows: rows, input: input, output: output, into: y.mutableSpan)
        var rounded = [BFloat16](repeating: BFloat16(nearest: 0), count: rows * output)
        MatrixProduct.forward(
          x: x.span, weight: w.span, rows: rows, input: input, output: output, into: rounded.mutableSpan)
        for row in 0..<rows {
          let seen = y[row * output..<(row + 1) * output]
          let counts = [seen.count(where: \.isNaN), seen.count(where: \.isInfinite), seen.count(where: \.isFinite)]
          #expect(counts == (row == 3 ? [output, 0, 0] : row == 7 ? [0, output, 0] : [0, 0, output]))
        }
        #expect(rounded.map(\.single.isNaN) == y.map(\.isNaN))
        #expect(rounded.map(\.single.isFinite) == y.map(\.isFinite))
      }
    }

    @Test func `an empty sum is zero or what was there`() {
      let none: [BFloat16] = []
      var y: [Float] = [1, 2, 3, 4, 5, 6]
      MatrixProduct.forward(
        x: none.span, weight: none.span, rows: 2, input: 0, output: 3, accumulate: true, into: y.mutableSpan)
      #expect(y == [1, 2, 3, 4, 5, 6])
      MatrixProduct.forward(x: none.span, weight: none.span, rows: 2, input: 0, output: 3, into: y.mutableSpan)
      #expect(y == [0, 0, 0, 0, 0, 0])
    }

    @Test func `the meter counts these products as well`() {
      let ones = [BFloat16](repeating: BFloat16(nearest: 1), count: 35)
      var y = [Float](repeating: 0, count: 15)
      MatrixProductMeter.reset()
      MatrixProduct.forward(
        x: ones.span.extracting(first: 21), weight: ones.span, rows: 3, input: 7, output: 5, into: y.mutableSpan)
      #expect(y.allSatisfy { $0 == 7 })
      let reading = MatrixProductMeter.reading()
      #expect(reading.flops == 2 * 3 * 5 * 7)
      #expect(reading.calls == 1)
    }
  }
}

/// Runs `body` with an instruction set, and then with the processor's best again.
func withInstructions(_ instructions: ProductInstructions, _ body: () -> Void) {
  ProductInstructions.use(instructions)
  defer { ProductInstructions.use(nil) }
  body()
}
