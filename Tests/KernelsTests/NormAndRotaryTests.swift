import Foundation
import Kernels
import Testing

extension KernelTests {
  @Suite struct `Normalization` {
    static let extents = [(1, 1), (1, 577), (17, 33), (130, 576)]

    @Test(arguments: extents)
    func `rows are divided by their root mean square`(rows: Int, width: Int) {
      var values = TestValues(seed: UInt64(width))
      let x = values.array(rows * width, scale: 3)
      let weight = values.array(width)
      var normed = [Float](repeating: .nan, count: rows * width)
      var reciprocals = [Float](repeating: .nan, count: rows)
      RMSNorm.forward(
        x: x.span, weight: weight.span, epsilon: 1e-5, rows: rows, width: width, into: normed.mutableSpan,
        reciprocalRMS: reciprocals.mutableSpan)
      expectClose(normed, Reference.rmsNorm(x.doubles, weight.doubles, epsilon: Double(Float(1e-5))), tolerance: 3e-7)
    }

    @Test(arguments: [(1, 1), (1, 577), (17, 33), (65, 70)], [false, true])
    func `the gradients are the slopes of the forward pass`(extents: (Int, Int), accumulate: Bool) {
      let (rows, width) = extents
      var values = TestValues(seed: UInt64(rows + width))
      let x = values.array(rows * width, scale: 3)
      let weight = values.array(width)
      let dy = values.array(rows * width)
      var normed = x
      var reciprocals = [Float](repeating: 0, count: rows)
      RMSNorm.forward(
        x: x.span, weight: weight.span, epsilon: 0.25, rows: rows, width: width, into: normed.mutableSpan,
        reciprocalRMS: reciprocals.mutableSpan)
      let beforeX = values.array(rows * width)
      let beforeW = values.array(width)
      var dx = beforeX
      var dw = beforeW
      RMSNorm.inputGradient(
        dNormed: dy.span, x: x.span, reciprocalRMS: reciprocals.span, weight: weight.span, rows: rows, width: width,
        accumulate: accumulate, into: dx.mutableSpan)
      RMSNorm.weightGradient(
        dNormed: dy.span, x: x.span, reciprocalRMS: reciprocals.span, rows: rows, width: width, accumulate: accumulate,
        into: dw.mutableSpan)

      // Only one row depends on an element of x, so the slope needs that row alone.
      let slopes = x.indices.map { at in
        let row = at / width * width..<(at / width + 1) * width
        return Reference.slope(
          of: { moved in
            zip(Reference.rmsNorm(moved, weight.doubles, epsilon: 0.25), dy[row]).reduce(0) {
              $0 + $1.0 * Double($1.1)
            }
          }, at: Array(x[row]).doubles, element: at % width) + (accumulate ? Double(beforeX[at]) : 0)
      }
      expectClose(dx, slopes, "dx")

      // The result is linear in the weight: its slope is the normed value with a weight of one.
      let unit = Reference.rmsNorm(x.doubles, [Double](repeating: 1, count: width), epsilon: 0.25)
      let sums = (0..<width).map { j in
        (0..<rows).reduce(accumulate ? Double(beforeW[j]) : 0) {
          $0 + unit[$1 * width + j] * Double(dy[$1 * width + j])
        }
      }
      expectClose(dw, sums, "dw")
    }
  }

  @Suite struct `Rotary embedding` {
    @Test(arguments: [(1, 1, 2), (17, 9, 64), (130, 3, 34)])
    func `pairs turn by position times frequency, and back`(sequence: Int, heads: Int, dimension: Int) {
      let half = dimension / 2
      let frequencies = (0..<half).map { Float(pow(10000, -Double($0) / Double(half))) }
      var cosine = [Float](repeating: 0, count: sequence * half)
      var sine = cosine
      RotaryEmbedding.fillTables(
        inverseFrequencies: frequencies.span, positions: sequence, attentionScaling: 1, cosine: cosine.mutableSpan,
        sine: sine.mutableSpan)
      var values = TestValues(seed: 7)
      let x = values.array(2 * sequence * heads * dimension)
      var y = x
      RotaryEmbedding.apply(
        cosine: cosine.span, sine: sine.span, batch: 2, sequence: sequence, heads: heads, headDimension: dimension,
        inverse: false, to: y.mutableSpan)
      let perElement = x.count / 2
      let expected = [0, 1].flatMap { element in
        Reference.rotary(
          Array(x[element * perElement..<(element + 1) * perElement]).doubles, frequencies: frequencies.doubles,
          heads: heads, inverse: false)
      }
      // The angle is rounded to fp32 on purpose: half an ulp of 130 is 7.6e-6.
      expectClose(y, expected, tolerance: 8e-6)

      RotaryEmbedding.apply(
        cosine: cosine.span, sine: sine.span, batch: 2, sequence: sequence, heads: heads, headDimension: dimension,
        inverse: true, to: y.mutableSpan)
      expectClose(y, x.doubles, tolerance: 4e-7)
    }

    @Test func `the tables are rounded functions of an fp32 angle, scaled`() {
      let frequencies: [Float] = [1, 0.1, 0.37]
      var cosine = [Float](repeating: 0, count: 3 * 1000)
      var sine = cosine
      RotaryEmbedding.fillTables(
        inverseFrequencies: frequencies.span, positions: 1000, attentionScaling: 1.5, cosine: cosine.mutableSpan,
        sine: sine.mutableSpan)
      for position in [0, 1, 2, 511, 999] {
        for i in 0..<3 {
          let angle = Float(position) * frequencies[i]
          #expect(cosine[position * 3 + i] == Float(cos(Double(angle))) * 1.5)
          #expect(sine[position * 3 + i] == Float(sin(Double(angle))) * 1.5)
        }
      }
    }
  }
}
