import Kernels
import Testing

// Shape letters here: T rows (tokens), I input width, O output width, r rank.

extension KernelTests {
  @Suite struct `A product with a low-rank path beside it` {
    /// T, I, O and r: with tails everywhere; deeper than a block of bf16 pairs, and than one of fp32 cells with many rows;
    /// a depth that ends within a block of scales; a rank above those that share the pass; more rows of a small depth than
    /// there is room for inner products of.
    static let extents = [
      (1, 64, 1, 1), (3, 128, 17, 4), (65, 192, 40, 16), (33, 64, 130, 5), (20, 2432, 70, 8), (530, 1216, 130, 16),
      (1100, 64, 33, 64), (40, 100, 30, 16), (17, 64, 20, 65), (9, 63, 5, 3), (9000, 8, 3, 64),
    ]

    @Test(arguments: `Blocked matrix products`.instructions, extents)
    func `agrees with sums in double precision in every format`(
      instructions: ProductInstructions, extents: (Int, Int, Int, Int)
    ) {
      let layer = AdaptedLayer(extents.0, extents.1, extents.2, rank: extents.3)
      withInstructions(instructions) { layer.check() }
    }

    @Test func `agrees with them where C is wider than the sums of a depth of several blocks`() {
      let instructions = `Blocked matrix products`.instructions.contains(.avx512) ? ProductInstructions.avx512 : .plain
      withInstructions(instructions) {
        AdaptedLayer(530, 1216, 2100, rank: 16).check(BFloat16.self, BFloat16.self, BFloat16.self)
      }
    }

    /// On a BLAS that knows the processor as well: there, one product comes after the other.
    @Test(arguments: extents)
    func `agrees with sums in double precision in fp32 by whatever computes it`(extents: (Int, Int, Int, Int)) {
      AdaptedLayer(extents.0, extents.1, extents.2, rank: extents.3).check(Float.self, Float.self, Float.self)
    }

    @Test(arguments: `Blocked matrix products`.instructions, [false, true])
    func `beside a weight in 4 bits is the one beside its dequantized weight, to the bit`(
      instructions: ProductInstructions, isDouble: Bool
    ) {
      withInstructions(instructions) {
        for (rows, input, output, rank) in [(33, 64, 65, 16), (5, 1216, 64, 8), (70, 128, 192, 80)] {
          AdaptedLayer(rows, input, output, rank: rank).checkQuantized(isDouble: isDouble)
        }
      }
    }
  }
}

/// Sums in fp16 are a setting of the process.
@Suite(.enabled(if: PartialSums.fp16.isAvailable, "this processor has no arithmetic in fp16"))
struct `A low-rank path with sums of 32 products in fp16` {
  @Test func `agrees with sums in double precision`() async {
    await #expect(processExitsWith: .success) {
      PartialSums.use(.fp16)
      for (rows, input, output, rank) in KernelTests.`A product with a low-rank path beside it`.extents {
        AdaptedLayer(rows, input, output, rank: rank).check()
      }
      AdaptedLayer(70, 2304, 192, rank: 16).checkQuantized(isDouble: true)
    }
  }
}

/// The products of a linear layer with an adapter, `y = x·Wᵀ + (s·x·Aᵀ)·Bᵀ` and `dx = dy·W + (s·dy·B)·A`.
struct AdaptedLayer {
  let rows: Int
  let input: Int
  let output: Int
  let rank: Int
  private let x: [Float]
  private let w: [Float]
  private let dy: [Float]
  private let a: [Float]
  private let b: [Float]
  private let before: [Float]

  init(_ rows: Int, _ input: Int, _ output: Int, rank: Int) {
    self.rows = rows
    self.input = input
    self.output = output
    self.rank = rank
    var values = TestValues(seed: UInt64(rows + 2 * input + 3 * output + 5 * rank))
    x = values.array(rows * input)
    w = values.array(output * input)
    dy = values.array(rows * output)
    a = values.array(rank * input)
    b = values.array(output * rank)
    before = values.array(rows * max(input, output))
  }

  func check() {
    check(BFloat16.self, BFloat16.self, BFloat16.self)
    check(BFloat16.self, BFloat16.self, Float.self)
    check(BFloat16.self, Float.self, Float.self)
    check(Float.self, Float.self, BFloat16.self)
  }

  /// Checks both passes with activations, weight and factors in these formats.
  func check<X: Number, W: Number, P: Number>(_: X.Type, _: W.Type, _: P.Type) {
    let (x, dy) = (x.map(X.init(nearest:)), dy.map(X.init(nearest:)))
    let w = w.map(W.init(nearest:))
    let (a, b) = (a.map(P.init(nearest:)), b.map(P.init(nearest:)))
    for accumulate in [false, true] {
      compare(x, w, a, b, n: output, k: input, accumulate) {
        MatrixProduct.forward(
          x: x.span, weight: w.span,
          path: LowRankPath(a: a.span, b: b.span, rank: rank, scale: 0.75, into: $0.mutableSpan), rows: rows,
          input: input, output: output, accumulate: accumulate, into: $1.mutableSpan)
      } weight: {
        $1 * input + $0
      } down: {
        $1 * input + $0
      } up: {
        $1 * rank + $0
      }
      compare(dy, w, b, a, n: input, k: output, accumulate) {
        MatrixProduct.inputGradient(
          dy: dy.span, weight: w.span,
          path: LowRankPath(a: a.span, b: b.span, rank: rank, scale: 0.75, into: $0.mutableSpan), rows: rows,
          input: input, output: output, accumulate: accumulate, into: $1.mutableSpan)
      } weight: {
        $0 * input + $1
      } down: {
        $0 * rank + $1
      } up: {
        $0 * input + $1
      }
    }
  }

  /// Expects the inner product and the result of `run` to be the same on one and on two threads, and right.
  ///
  /// An element may be off by as many roundings of 2⁻²⁴ of the sum of magnitudes as there are terms, and by half a place of
  /// bf16 where it is that; with the allowance of sums in fp16 that ``Product`` explains. The result is compared with the
  /// path of the inner product as it came out.
  private func compare<X: Number, W: Number, P: Number>(
    _ left: [X], _ weight: [W], _ down: [P], _ up: [P], n: Int, k: Int, _ accumulate: Bool,
    _ run: (inout [X], inout [X]) -> Void, weight weightAt: (Int, Int) -> Int, down downAt: (Int, Int) -> Int,
    up upAt: (Int, Int) -> Int
  ) {
    let start = before.prefix(rows * n).map(X.init(nearest:))
    let (one, two) = onOneAndTwoThreads {
      var (inner, result) = ([X](repeating: X(nearest: .nan), count: rows * rank), start)
      run(&inner, &result)
      return [inner.map(\.single), result.map(\.single)]
    }
    #expect(one == two)
    // Where one factor is bf16, so is the other.
    let isRounded = X.format == .bf16 || W.format == .bf16
    func factor<N: Number>(_ value: N) -> Double {
      Double(isRounded ? BFloat16(nearest: value.single).single : value.single)
    }
    let (l, f, d, u) = (left.map(factor), weight.map(factor), down.map(factor), up.map(factor))
    var worst = 0.0
    // Without a rounded operand, a path in bf16 may round the operand beside it or not.
    let slack = !isRounded && P.format == .bf16 ? 0x1p-8 : 0
    // A path that can't share the pass comes after the weight's product has been rounded.
    let isApart = rank > 64 || k % 64 != 0
    func take(_ seen: Float, _ sum: Double, _ magnitude: Double, terms: Int, _ was: Double) {
      var bound = (Double(terms + 4) * 0x1p-24 + slack) * (magnitude + abs(was)) + 0x1p-120
      if X.format == .bf16 && isApart { bound += 0x1p-8 * (magnitude + abs(was)) }
      if PartialSums.used == .fp16 { bound += 34 * 0x1p-11 * magnitude + Double(terms) * 0x1p-16 }
      if X.format == .bf16 { bound = 1.01 * bound + 0x1p-8 * abs(sum + was) }
      worst = max(worst, abs(Double(seen) - sum - was) / bound)
    }
    // Some rows of every tile are enough.
    for i in Swift.stride(from: 0, to: rows, by: max(1, rows / 20)) {
      for j in 0..<rank {
        var (sum, magnitude) = (0.0, 0.0)
        for p in 0..<k {
          let term = 0.75 * l[i * k + p] * d[downAt(p, j)]
          sum += term
          magnitude += abs(term)
        }
        take(one[0][i * rank + j], sum, magnitude, terms: k, 0)
      }
      for j in 0..<n {
        var (sum, magnitude) = (0.0, 0.0)
        for p in 0..<k {
          let term = l[i * k + p] * f[weightAt(p, j)]
          sum += term
          magnitude += abs(term)
        }
        for p in 0..<rank {
          let term = Double(one[0][i * rank + p]) * u[upAt(p, j)]
          sum += term
          magnitude += abs(term)
        }
        take(one[1][i * n + j], sum, magnitude, terms: k + rank, accumulate ? Double(start[i * n + j].single) : 0)
      }
    }
    #expect(
      worst <= 1,
      "\(rows) × \(n) × \(k), rank \(rank), \(X.self), \(W.self), \(P.self), accumulate \(accumulate): off by \(worst)")
  }

  /// Checks both passes beside a weight in 4 bits against those beside the weight that the codes stand for.
  func checkQuantized(isDouble: Bool) {
    let (x, dy) = (x.map(BFloat16.init(nearest:)), dy.map(BFloat16.init(nearest:)))
    let quantized = QuantizedValues(w.map { 0.02 * $0 })
    let dense = quantized.dequantized(isDouble: isDouble).map(BFloat16.init(nearest:))
    let none = BFloat16(nearest: .nan)
    var (inner, expectedInner) = (
      [BFloat16](repeating: none, count: rows * rank), [BFloat16](repeating: none, count: rows * rank)
    )
    var (y, expected) = (
      [BFloat16](repeating: none, count: rows * output), [BFloat16](repeating: none, count: rows * output)
    )
    MatrixProduct.forward(
      x: x.span, weight: dense.span,
      path: LowRankPath(a: a.span, b: b.span, rank: rank, scale: 2, into: expectedInner.mutableSpan), rows: rows,
      input: input, output: output, into: expected.mutableSpan)
    quantized.withOperand(isDouble: isDouble) {
      MatrixProduct.forward(
        x: x.span, weight: $0, path: LowRankPath(a: a.span, b: b.span, rank: rank, scale: 2, into: inner.mutableSpan),
        rows: rows, input: input, output: output, into: y.mutableSpan)
    }
    #expect(inner == expectedInner)
    #expect(y == expected)
    var (dx, expectedGradient) = (
      [BFloat16](repeating: none, count: rows * input), [BFloat16](repeating: none, count: rows * input)
    )
    MatrixProduct.inputGradient(
      dy: dy.span, weight: dense.span,
      path: LowRankPath(a: a.span, b: b.span, rank: rank, scale: 2, into: expectedInner.mutableSpan), rows: rows,
      input: input, output: output, into: expectedGradient.mutableSpan)
    quantized.withOperand(isDouble: isDouble) {
      MatrixProduct.inputGradient(
        dy: dy.span, weight: $0, path: LowRankPath(a: a.span, b: b.span, rank: rank, scale: 2, into: inner.mutableSpan),
        rows: rows, input: input, output: output, into: dx.mutableSpan)
    }
    #expect(inner == expectedInner)
    #expect(dx == expectedGradient)
  }
}
