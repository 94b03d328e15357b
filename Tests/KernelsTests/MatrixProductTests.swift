import Kernels
import Testing

extension KernelTests {
  @Suite struct `Matrix products` {
    static let extents = [(1, 1, 1), (1, 33, 577), (33, 577, 1), (130, 17, 33), (17, 200, 130)]

    @Test(arguments: extents, [false, true])
    func `the three products of a linear layer agree with sums in double precision`(
      extents: (Int, Int, Int), accumulate: Bool
    ) {
      let (rows, input, output) = extents
      var values = TestValues(seed: UInt64(rows + input))
      let x = values.array(rows * input)
      let w = values.array(output * input)
      let dy = values.array(rows * output)
      let scale: Float = 0.5

      func check(_ count: Int, _ expected: [Double], _ name: String, _ run: (inout [Float]) -> Void) {
        let before = values.array(count)
        let (one, two) = onOneAndTwoThreads {
          var result = before
          run(&result)
          return result
        }
        let whole = expected.indices.map { Double(scale) * expected[$0] + (accumulate ? Double(before[$0]) : 0) }
        expectClose(one, whole, name)
        expectClose(two, whole, name)
      }

      check(rows * output, Reference.product(rows, output, input, { x[$0 * input + $1] }, { w[$1 * input + $0] }), "y")
      {
        MatrixProduct.forward(
          x: x.span, weight: w.span, rows: rows, input: input, output: output, scale: scale, accumulate: accumulate,
          into: $0.mutableSpan)
      }
      check(
        rows * input, Reference.product(rows, input, output, { dy[$0 * output + $1] }, { w[$0 * input + $1] }), "dx"
      ) {
        MatrixProduct.inputGradient(
          dy: dy.span, weight: w.span, rows: rows, input: input, output: output, scale: scale, accumulate: accumulate,
          into: $0.mutableSpan)
      }
      check(
        output * input, Reference.product(output, input, rows, { dy[$1 * output + $0] }, { x[$0 * input + $1] }), "dw"
      ) {
        MatrixProduct.weightGradient(
          dy: dy.span, x: x.span, rows: rows, input: input, output: output, scale: scale, accumulate: accumulate,
          into: $0.mutableSpan)
      }
    }

    @Test func `the meter counts two operations to a multiply-add`() {
      var y = [Float](repeating: 0, count: 3 * 5)
      MatrixProductMeter.reset()
      MatrixProduct.forward(
        x: [Float](repeating: 1, count: 3 * 7).span, weight: [Float](repeating: 1, count: 5 * 7).span, rows: 3,
        input: 7, output: 5, into: y.mutableSpan)
      let reading = MatrixProductMeter.reading()
      #expect(reading.flops == 2 * 3 * 5 * 7)
      #expect(reading.calls == 1)
      #expect(reading.nanoseconds > 0)
    }

    @Test func `a bias is added to every row and its gradient is the sum of the rows`() {
      let (rows, columns) = (33, 577)
      var values = TestValues(seed: 5)
      let bias = values.array(columns)
      let dy = values.array(rows * columns)
      var y = dy
      Bias.add(bias.span, rows: rows, columns: columns, to: y.mutableSpan)
      #expect(y == dy.indices.map { dy[$0] + bias[$0 % columns] })

      var db = bias
      Bias.gradient(dy: dy.span, rows: rows, columns: columns, accumulate: true, into: db.mutableSpan)
      let sums = (0..<columns).map { j in
        (0..<rows).reduce(Double(bias[j])) { $0 + Double(dy[$1 * columns + j]) }
      }
      expectClose(db, sums)
    }
  }
}
