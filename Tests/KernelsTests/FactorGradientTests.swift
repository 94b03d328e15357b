import Kernels
import Testing

// Shape letters here: T rows (tokens), I input width, O output width.

extension KernelTests {
  /// `dW = dyᵀ·x` where one side is as narrow as a rank: the gradients of A, `[r, I]`, and of B, `[O, r]`.
  @Suite struct `Gradients of low-rank factors` {
    static let ranks = [1, 7, 8, 9, 16, 63, 64, 65]
    /// T and the wide side: one, around the columns of a vector and of a task, more rows than are read at a time.
    static let extents = [(1, 1), (3, 70), (64, 31), (65, 64), (200, 129), (33, 600)]

    @Test(arguments: ranks, extents)
    func `agree with sums in double precision in either orientation and format`(rank: Int, extents: (Int, Int)) {
      let (rows, width) = extents
      for (input, output) in [(width, rank), (rank, width)] {
        check(rows, input, output, Float.self)
        check(rows, input, output, BFloat16.self)
      }
    }

    private func check<N: Number>(_ rows: Int, _ input: Int, _ output: Int, _: N.Type) {
      var values = TestValues(seed: UInt64(rows + 2 * input + 3 * output))
      let x = values.array(rows * input).map(N.init(nearest:))
      let dy = values.array(rows * output).map(N.init(nearest:))
      let before = values.array(output * input)
      let sums = Reference.product(
        output, input, rows, { dy[$1 * output + $0].single }, { x[$0 * input + $1].single })
      for accumulate in [false, true] {
        let (one, two) = onOneAndTwoThreads {
          var gradient = before
          MatrixProduct.weightGradient(
            dy: dy.span, x: x.span, rows: rows, input: input, output: output, scale: 0.5, accumulate: accumulate,
            into: gradient.mutableSpan)
          return gradient
        }
        let expected = sums.indices.map { 0.5 * sums[$0] + (accumulate ? Double(before[$0]) : 0) }
        expectClose(one, expected, "one thread")
        expectClose(two, expected, "two threads")
      }
    }

    /// The flow of A's gradient is in what activations are in, and so is x; only a recipe of the future would mix them.
    @Test func `are rounded to bf16 where only one operand is bf16, as every product is`() {
      Product(70, 130, 16).check(Float.self, BFloat16.self, Float.self)
      Product(70, 16, 130).check(BFloat16.self, Float.self, Float.self)
    }

    @Test(arguments: [false, true])
    func `take a NaN to the elements that it is part of and no others`(isAcross: Bool) {
      let (rows, rank, width) = (100, 16, 130)
      var values = TestValues(seed: 9)
      let narrow = values.array(rows * rank).map(BFloat16.init(nearest:))
      var wide = values.array(rows * width).map(BFloat16.init(nearest:))
      wide[70 * width + 129] = BFloat16(nearest: .nan)
      var gradient = [Float](repeating: 0, count: rank * width)
      if isAcross {
        MatrixProduct.weightGradient(
          dy: wide.span, x: narrow.span, rows: rows, input: rank, output: width, into: gradient.mutableSpan)
      } else {
        MatrixProduct.weightGradient(
          dy: narrow.span, x: wide.span, rows: rows, input: width, output: rank, into: gradient.mutableSpan)
      }
      for i in 0..<rank {
        for j in 0..<width {
          #expect(gradient[isAcross ? j * rank + i : i * width + j].isNaN == (j == 129))
        }
      }
    }
  }
}
