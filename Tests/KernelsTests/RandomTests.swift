import Kernels
import Testing

extension KernelTests {
  @Suite struct `Random numbers` {
    /// The known answers that Random123's authors publish with Philox4x32-10 (`kat_vectors`).
    @Test func `Philox gives its published words`() {
      #expect(
        Philox.words(counter: [0, 0, 0, 0], key: [0, 0]) == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
      let ones = [UInt32](repeating: .max, count: 4)
      #expect(Philox.words(counter: ones, key: [.max, .max]) == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
      #expect(
        Philox.words(
          counter: [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], key: [0xa409_3822, 0x299f_31d0])
          == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])
    }

    @Test(arguments: [1, 33, 577, 100_003])
    func `dropout keeps the same elements on any number of threads`(count: Int) {
      var values = TestValues(seed: 1)
      let x = values.array(count)
      let (one, two) = onOneAndTwoThreads {
        var y = [Float](repeating: .nan, count: count)
        var mask = [UInt8](repeating: 7, count: count)
        Dropout.forward(
          x: x.span, probability: 0.25, seed: 42, stream: 3, into: y.mutableSpan, mask: mask.mutableSpan)
        return (y: y, mask: mask)
      }
      #expect(one.y == two.y && one.mask == two.mask)
      let scale = 1 / (1 - Float(0.25))
      #expect(one.y == zip(x, one.mask).map { $1 == 1 ? $0 * scale : 0 })
      #expect(one.mask.allSatisfy { $0 <= 1 })

      let dy = values.array(count)
      var dx = x
      Dropout.backward(dy: dy.span, mask: one.mask.span, probability: 0.25, accumulate: false, into: dx.mutableSpan)
      #expect(dx == zip(dy, one.mask).map { $1 == 1 ? $0 * scale : 0 })
      dx = x
      Dropout.backward(dy: dy.span, mask: one.mask.span, probability: 0.25, accumulate: true, into: dx.mutableSpan)
      expectClose(dx, x.indices.map { Double(x[$0]) + (one.mask[$0] == 1 ? Double(dy[$0]) * Double(scale) : 0) })
    }

    @Test func `dropout decides by Philox words, drops its share and differs by stream`() {
      let count = 1 << 18
      let x = [Float](repeating: 1, count: count)
      func mask(stream: UInt64) -> [UInt8] {
        var y = x
        var mask = [UInt8](repeating: 0, count: count)
        Dropout.forward(
          x: x.span, probability: 0.1, seed: 0x1_0000_0002, stream: stream, into: y.mutableSpan, mask: mask.mutableSpan)
        return mask
      }
      let first = mask(stream: 0)
      let threshold = UInt32(Double(Float(0.1)) * 4_294_967_296)
      for group in [0, 1, 999, count / 4 - 1] {
        let words = Philox.words(counter: [UInt32(group), 0, 0, 0], key: [2, 1])
        #expect(Array(first[4 * group..<4 * group + 4]) == words.map { $0 >= threshold ? 1 : 0 })
      }
      // Five standard deviations of a binomial of 2^18 draws at 0.1 are 768.
      let dropped = first.count { $0 == 0 }
      #expect(abs(dropped - count / 10) < 768)
      #expect(first != mask(stream: 1))
    }

    @Test func `no dropout keeps everything as it is`() {
      let x: [Float] = [1, -2, 3]
      var y = x
      var mask: [UInt8] = [0, 0, 0]
      Dropout.forward(x: x.span, probability: 0, seed: 1, stream: 1, into: y.mutableSpan, mask: mask.mutableSpan)
      #expect(y == x && mask == [1, 1, 1])
    }

    @Test func `normal values have their moments and do not depend on threads`() {
      let count = 1 << 18
      let (one, two) = onOneAndTwoThreads {
        var y = [Float](repeating: .nan, count: count + 1)
        RandomFill.normal(mean: 0.5, standardDeviation: 2, seed: 7, stream: 1, into: y.mutableSpan)
        return y
      }
      #expect(one == two)
      let standard = one.map { (Double($0) - 0.5) / 2 }
      func moment(_ power: Int) -> Double {
        standard.reduce(0) { sum, z in sum + (0..<power).reduce(1.0) { product, _ in product * z } } / Double(count)
      }
      // Five standard errors: of z 1/√n, of z² √(2/n), of z⁴ √(96/n), with n = 2^18.
      #expect(abs(moment(1)) < 0.0098)
      #expect(abs(moment(2) - 1) < 0.0139)
      #expect(abs(moment(4) - 3) < 0.0957)
      // 4.5 % of a normal distribution is beyond two deviations; five standard errors are 0.0021.
      #expect(abs(Double(standard.count { abs($0) > 2 }) / Double(count) - 0.0455) < 0.0021)
    }

    @Test func `uniform values fill their range and no more`() {
      let count = 1 << 18
      let (one, two) = onOneAndTwoThreads {
        var y = [Float](repeating: .nan, count: count)
        RandomFill.uniform(low: -0.25, high: 0.75, seed: 7, stream: 1, into: y.mutableSpan)
        return y
      }
      #expect(one == two)
      #expect(one.allSatisfy { $0 >= -0.25 && $0 < 0.75 })
      // Each tenth gets n/10 values; five standard deviations are 768.
      for tenth in 0..<10 {
        let low = Float(-0.25) + Float(tenth) * 0.1
        #expect(abs(one.count { $0 >= low && $0 < low + 0.1 } - count / 10) < 768)
      }
    }
  }
}
