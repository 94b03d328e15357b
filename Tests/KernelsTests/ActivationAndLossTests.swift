import Foundation
import Kernels
import Testing

extension KernelTests {
  @Suite struct `Gated activation` {
    @Test(arguments: [1, 33, 577, 40000])
    func `the product and both gradients agree with double precision`(count: Int) {
      var values = TestValues(seed: UInt64(count))
      let gate = values.array(count, scale: 12)
      let up = values.array(count)
      let dy = values.array(count)
      var product = [Float](repeating: .nan, count: count)
      SwiGLU.forward(gate: gate.span, up: up.span, into: product.mutableSpan)
      expectClose(
        product, gate.indices.map { Reference.swiGLU(gate: Double(gate[$0]), up: Double(up[$0])) }, tolerance: 3e-7)

      var dGate = gate
      var dUp = up
      SwiGLU.backward(dProduct: dy.span, gate: dGate.mutableSpan, up: dUp.mutableSpan)
      let slopes = gate.indices.map { at in
        let (g, u, d) = (Double(gate[at]), Double(up[at]), Double(dy[at]))
        return (
          gate: d * (Reference.swiGLU(gate: g + 1e-5, up: u) - Reference.swiGLU(gate: g - 1e-5, up: u)) / 2e-5,
          up: d * Reference.swiGLU(gate: g, up: 1)
        )
      }
      expectClose(dGate, slopes.map(\.gate), tolerance: 3e-7)
      expectClose(dUp, slopes.map(\.up), tolerance: 3e-7)
    }

    @Test func `far from zero the gate is the identity or nothing, never a NaN`() {
      let gate: [Float] = [200, -200, 88, -88, -1e30, 1e30]
      let ones = [Float](repeating: 1, count: gate.count)
      var product = ones
      SwiGLU.forward(gate: gate.span, up: ones.span, into: product.mutableSpan)
      var dGate = gate
      var dUp = ones
      SwiGLU.backward(dProduct: ones.span, gate: dGate.mutableSpan, up: dUp.mutableSpan)
      for (at, g) in gate.enumerated() where g > 0 {
        #expect(product[at] == g && dGate[at] == 1 && dUp[at] == g)
      }
      for (at, g) in gate.enumerated() where g < 0 && g > -1000 {
        #expect(abs(product[at]) < 1e-35 && abs(dGate[at]) < 1e-35 && abs(dUp[at]) < 1e-35)
      }
      #expect((product + dGate + dUp).allSatisfy { $0.isFinite })
    }
  }

  @Suite struct `The loss` {
    @Test(arguments: [(1, 1), (1, 577), (17, 33), (130, 5000)])
    func `loss and gradient agree with double precision`(rows: Int, vocabulary: Int) {
      var values = TestValues(seed: UInt64(vocabulary))
      let logits = values.array(rows * vocabulary, scale: 20)
      let labels = (0..<rows).map { $0 % 5 == 3 ? CrossEntropy.ignoredLabel : Int32(($0 * 7919) % vocabulary) }
      let scale: Float = 0.125
      let (one, two) = onOneAndTwoThreads {
        var gradient = logits
        let loss = CrossEntropy.forwardBackward(
          logits: gradient.mutableSpan, labels: labels.span, rows: rows, vocabulary: vocabulary, gradientScale: scale)
        return (gradient: gradient, sum: loss.lossSum, counted: loss.counted)
      }
      #expect(one.gradient == two.gradient && one.sum == two.sum, "threads change the result")

      var sum = 0.0
      for row in 0..<rows {
        let seen = Array(one.gradient[row * vocabulary..<(row + 1) * vocabulary])
        guard labels[row] != CrossEntropy.ignoredLabel else {
          #expect(seen.allSatisfy { $0 == 0 })
          continue
        }
        let expected = Reference.crossEntropy(
          Array(logits[row * vocabulary..<(row + 1) * vocabulary]).doubles, label: Int(labels[row]))
        sum += expected.loss
        var slope = expected.softmax
        slope[Int(labels[row])] -= 1
        let error = zip(seen, slope).reduce(0) { max($0, abs(Double($1.0) - $1.1 * Double(scale))) }
        #expect(error <= 5e-7 * Double(scale), "row \(row) is off by \(error)")
      }
      #expect(abs(one.sum - sum) <= 2e-7 * max(1, sum))
      #expect(one.counted == labels.count { $0 != CrossEntropy.ignoredLabel })
      let alone = CrossEntropy.loss(logits: logits.span, labels: labels.span, rows: rows, vocabulary: vocabulary)
      #expect(abs(alone.lossSum - sum) <= 2e-7 * max(1, sum))
      #expect(alone.counted == one.counted)
    }

    /// One number at a time up to all at once.
    @Test(arguments: [(1, 1, 1), (17, 33, 10), (40, 5000, 4999), (40, 5000, 5000), (3, 577, 64)])
    func `slice by slice, loss and gradient are those of the whole`(rows: Int, vocabulary: Int, width: Int) {
      var values = TestValues(seed: UInt64(vocabulary + width))
      let logits = values.array(rows * vocabulary, scale: 20)
      let labels = (0..<rows).map { $0 % 5 == 3 ? CrossEntropy.ignoredLabel : Int32(($0 * 7919) % vocabulary) }
      let slices = stride(from: 0, to: vocabulary, by: width).map { $0..<min($0 + width, vocabulary) }
      func part(_ slice: Range<Int>) -> [Float] {
        (0..<rows).flatMap { row in logits[row * vocabulary + slice.lowerBound..<row * vocabulary + slice.upperBound] }
      }
      let (one, two) = onOneAndTwoThreads {
        var statistics = [Float](repeating: .nan, count: rows * CrossEntropy.statisticsPerRow)
        CrossEntropy.begin(statistics.mutableSpan, rows: rows)
        for slice in slices {
          CrossEntropy.add(
            logits: part(slice).span, slice: slice, labels: labels.span, rows: rows, into: statistics.mutableSpan)
        }
        let loss = CrossEntropy.loss(
          statistics: statistics.span, labels: labels.span, rows: rows, vocabulary: vocabulary)
        var gradient = [Float](repeating: .nan, count: rows * vocabulary)
        for slice in slices {
          var scores = part(slice)
          CrossEntropy.gradient(
            logits: scores.mutableSpan, slice: slice, statistics: statistics.span, labels: labels.span, rows: rows,
            gradientScale: 0.125)
          for row in 0..<rows {
            for (at, entry) in slice.enumerated() {
              gradient[row * vocabulary + entry] = scores[row * slice.count + at]
            }
          }
        }
        return (gradient: gradient, sum: loss.lossSum, counted: loss.counted)
      }
      #expect(one.gradient == two.gradient && one.sum == two.sum, "threads change the result")

      var whole = logits
      let expected = CrossEntropy.forwardBackward(
        logits: whole.mutableSpan, labels: labels.span, rows: rows, vocabulary: vocabulary, gradientScale: 0.125)
      #expect(one.counted == expected.counted)
      // The sum of exponentials is rounded to fp32 after every slice: 6e-8 for each, of which few come together.
      let tolerance = 1e-6
      #expect(abs(one.sum - expected.lossSum) <= tolerance * max(1, expected.lossSum))
      let error = zip(one.gradient, whole).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(Double(error) <= tolerance * 0.125, "a gradient is off by \(error)")
    }

    @Test func `a batch without labels has neither loss nor gradient`() {
      var logits: [Float] = [1, 2, 3, 4]
      let labels: [Int32] = [-100, -100]
      let loss = CrossEntropy.forwardBackward(
        logits: logits.mutableSpan, labels: labels.span, rows: 2, vocabulary: 2, gradientScale: 1)
      #expect(loss == (0, 0))
      #expect(logits == [0, 0, 0, 0])
    }
  }

  @Suite struct `The exponential` {
    /// The error in units of the last place of the exact result.
    private func ulps(_ seen: Float, _ x: Float) -> Double {
      let exact = exp(Double(x))
      return abs(Double(seen) - exact) / Double(Float(exact).ulp)
    }

    @Test func `errs by at most 1.1 ulp over the normal range`() {
      // Every 977th float from the smallest normal result's argument to the largest finite one's.
      var arguments: [Float] = []
      for bits in stride(from: Float(0x1p-30).bitPattern, to: Float(88.72).bitPattern, by: 977) {
        let x = Float(bitPattern: bits)
        arguments.append(x)
        if x < 87.33 { arguments.append(-x) }
      }
      let results = Exponential.apply(arguments)
      let worst = zip(results, arguments).reduce(0) { max($0, ulps($1.0, $1.1)) }
      #expect(worst <= 1.1, "the worst is \(worst) ulp")
      #expect(arguments.count > 100_000)
    }

    @Test func `is exact at zero and right beyond the range`() {
      let results = Exponential.apply([0, -0, 89, 1000, .infinity, -104, -1000, -.infinity])
      #expect(results == [1, 1, .infinity, .infinity, .infinity, 0, 0, 0])
      #expect(Exponential.apply([.nan])[0].isNaN)
      // Subnormal results are within one spacing of subnormals.
      for x: Float in [-88, -95, -103] {
        #expect(abs(Double(Exponential.apply([x])[0]) - exp(Double(x))) <= Double(Float.leastNonzeroMagnitude))
      }
    }
  }
}
