import Foundation
import Kernels
import Testing

extension KernelTests {
  /// Against bitsandbytes' own plain reference, run on the CPU by Golden/adamw_8bit_vectors.py, and against a plain one
  /// here.
  @Suite struct `AdamW in 8 bits` {
    private let golden: SafetensorsReader

    init() throws {
      let url = try #require(
        Bundle.module.url(forResource: "adamw_8bit_vectors", withExtension: "safetensors", subdirectory: "Golden"))
      golden = try SafetensorsReader(url)
    }

    /// A weight with its moments, all zero at first.
    private struct State {
      var weight: [Float]
      var codes = [[UInt8]]()
      var absmax = [[Float]]()

      init(_ weight: [Float]) {
        self.weight = weight
        codes = [[UInt8]](repeating: [UInt8](repeating: 0, count: weight.count), count: 2)
        absmax = [[Float]](repeating: [Float](repeating: 0, count: (weight.count + 255) / 256), count: 2)
      }

      mutating func update(_ gradient: [Float], step: Int, weightDecay: Double, gradientScale: Float = 1) {
        // Elements of one array cannot be lent twice.
        var (firstCodes, secondCodes, firstAbsmax, secondAbsmax) = (codes[0], codes[1], absmax[0], absmax[1])
        BlockwiseAdamWKernel.update(
          weight: weight.mutableSpan, gradient: gradient.span, firstCodes: firstCodes.mutableSpan,
          firstAbsmax: firstAbsmax.mutableSpan, secondCodes: secondCodes.mutableSpan,
          secondAbsmax: secondAbsmax.mutableSpan, learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8,
          weightDecay: weightDecay, step: step, gradientScale: gradientScale)
        codes = [firstCodes, secondCodes]
        absmax = [firstAbsmax, secondAbsmax]
      }
    }

    @Test func `both dynamic maps are bitsandbytes' to the bit`() throws {
      #expect(try DynamicMap.signed() == golden.floats("map.signed"))
      #expect(try DynamicMap.unsigned() == golden.floats("map.unsigned"))
    }

    /// PyTorch may fuse products and sums where the kernel rounds twice, so numbers agree within a few roundings of
    /// 2⁻²⁴; none of these is so near a midpoint that its code would change.
    @Test func `four steps go as in bitsandbytes`() throws {
      var state = State(try golden.floats("weight.0"))
      for step in 1...4 {
        state.update(try golden.floats("gradient.\(step)"), step: step, weightDecay: 0)
        expectClose(state.weight, try golden.floats("weight.\(step)").doubles)
        for (index, map) in [DynamicMap.signed(), DynamicMap.unsigned()].enumerated() {
          let codes = try golden.bytes("codes\(index + 1).\(step)")
          let absmax = try golden.floats("absmax\(index + 1).\(step)")
          #expect(codes == state.codes[index], "codes of moment \(index + 1) after step \(step)")
          let seen = codes.indices.map { map[Int(state.codes[index][$0])] * state.absmax[index][$0 / 256] }
          let expected = codes.indices.map { Double(map[Int(codes[$0])]) * Double(absmax[$0 / 256]) }
          expectClose(seen, expected)
        }
      }
    }

    @Test(arguments: [1, 256, 1000, 33_000])
    func `moments, weights and codes are the algorithm's to the bit`(count: Int) {
      var values = TestValues(seed: 5)
      var state = State(values.array(count))
      let maps = [DynamicMap.signed(), DynamicMap.unsigned()]
      let midpoints = maps.map { map in zip(map, map.dropFirst()).map { ($0 + $1) * 0.5 } }
      for step in 1...3 {
        // Small and large elements, so that all levels occur.
        let gradient = (0..<count).map { _ in values.next() * exp2(values.next() * 12) }
        var (weight, codes, absmax) = (state.weight, state.codes, state.absmax)
        let (c1, c2) = (1 - pow(0.9, Double(step)), 1 - pow(0.999, Double(step)))
        var moments = [[Float]](repeating: [Float](repeating: 0, count: count), count: 2)
        for i in 0..<count {
          let g = gradient[i] * 0.5
          moments[0][i] = maps[0][Int(codes[0][i])] * absmax[0][i / 256] * Float(0.9) + Float(1 - 0.9) * g
          moments[1][i] = maps[1][Int(codes[1][i])] * absmax[1][i / 256] * Float(0.999) + Float(1 - 0.999) * g * g
          let denominator = moments[1][i].squareRoot() / Float(c2.squareRoot()) + Float(1e-8)
          weight[i] = weight[i] * Float(1 - 1e-3 * 0.01) - Float(1e-3 / c1) * moments[0][i] / denominator
        }
        for index in 0..<2 {
          for start in stride(from: 0, to: count, by: 256) {
            let block = start..<min(count, start + 256)
            absmax[index][start / 256] = block.reduce(0) { max($0, abs(moments[index][$1])) }
            for i in block {
              codes[index][i] = level(of: moments[index][i] / absmax[index][start / 256], among: midpoints[index])
            }
          }
        }
        state.update(gradient, step: step, weightDecay: 0.01, gradientScale: 0.5)
        #expect(state.weight == weight && state.absmax == absmax && state.codes == codes)
      }
    }

    /// The number of midpoints below, a tie going toward zero.
    private func level(of value: Float, among midpoints: [Float]) -> UInt8 {
      UInt8(midpoints.count { value < 0 ? $0 <= value : $0 < value })
    }

    @Test func `a gradient of zero keeps a moment of zero`() {
      var state = State([Float](repeating: 1, count: 300))
      state.update([Float](repeating: 0, count: 300), step: 1, weightDecay: 0)
      #expect(state.weight.allSatisfy { $0 == 1 })
      #expect(state.absmax.allSatisfy { $0 == [0, 0] })
    }
  }
}
