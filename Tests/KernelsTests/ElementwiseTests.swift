import Kernels
import Testing

extension KernelTests {
  @Suite struct `Elementwise arithmetic` {
    @Test(arguments: [0, 1, 33, 577, 70001])
    func `sums, copies and squares are what they say`(count: Int) {
      var values = TestValues(seed: 3)
      let x = values.array(count)
      let before = values.array(count)
      var y = before
      Elementwise.add(x.span, to: y.mutableSpan)
      #expect(y == zip(before, x).map { $0 + $1 })
      y = before
      // A power of two, so that fused and separate multiplication agree.
      Elementwise.addScaled(x.span, -0.5, to: y.mutableSpan)
      #expect(y == zip(before, x).map { $0 - 0.5 * $1 })
      Elementwise.copy(x.span, to: y.mutableSpan)
      #expect(y == x)
      let (one, two) = onOneAndTwoThreads { Elementwise.sumOfSquares(x.span) }
      #expect(one == two)
      let exact = x.reduce(0.0) { $0 + Double($1) * Double($1) }
      // The reference adds one by one: at worst half of 70001 roundings of 2⁻⁵² are 8e-12.
      #expect(abs(one - exact) <= 8e-12 * exact)
      Elementwise.fill(y.mutableSpan, with: 2.5)
      #expect(y.allSatisfy { $0 == 2.5 })
    }

    @Test(arguments: [1, 33, 577])
    func `tokens look up rows, and repeated tokens add up in order`(width: Int) {
      let tokens: [Int32] = [4, 0, 4, 2, 4, 1]
      var values = TestValues(seed: 9)
      let table = values.array(5 * width)
      var y = [Float](repeating: .nan, count: tokens.count * width)
      Embedding.gather(table: table.span, tokens: tokens.span, width: width, into: y.mutableSpan)
      #expect(y == tokens.flatMap { Array(table[Int($0) * width..<(Int($0) + 1) * width]) })

      let dy = values.array(tokens.count * width)
      var expected = table
      for (t, token) in tokens.enumerated() {
        for j in 0..<width { expected[Int(token) * width + j] += dy[t * width + j] }
      }
      let (one, two) = onOneAndTwoThreads {
        var gradient = table
        Embedding.scatterAdd(gradient: dy.span, tokens: tokens.span, width: width, into: gradient.mutableSpan)
        return gradient
      }
      #expect(one == expected)
      #expect(two == expected)
    }
  }
}
