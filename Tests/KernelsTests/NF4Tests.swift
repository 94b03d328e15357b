import Foundation
import Kernels
import Testing

extension KernelTests {
  @Suite struct `NF4 agrees with bitsandbytes to the bit` {
    static let cases = [
      "randn", "small_scale", "uniform", "heavy_tail", "ragged", "zeros_block", "codebook_mid", "bf16",
    ]

    private let golden: SafetensorsReader

    init() throws {
      let url = try #require(
        Bundle.module.url(forResource: "nf4_vectors", withExtension: "safetensors", subdirectory: "Golden"))
      golden = try SafetensorsReader(url)
    }

    /// Equality of bits, in which -0 is not 0.
    private func bits(_ x: [Float]) -> [UInt32] { x.map(\.bitPattern) }

    @Test func `the cases above are all of the golden file's`() {
      let names = Set(golden.names.compactMap { $0.hasSuffix(".input") ? String($0.dropLast(6)) : nil })
      #expect(names == Set(Self.cases))
    }

    @Test func `the levels and the dynamic map are the same`() throws {
      #expect(try bits(NF4.code) == bits(golden.floats("nf4_code_16")))
      #expect(try bits(NF4.dynamicMap) == bits(golden.floats("dynamic_map_256")))
    }

    @Test(arguments: cases)
    func `quantization gives the same codes and scales`(name: String) throws {
      let input = try golden.floats("\(name).input")
      let (one, two) = onOneAndTwoThreads {
        var packed = [UInt8](repeating: 0, count: (input.count + 1) / 2)
        var absmax = [Float](repeating: .nan, count: (input.count + 63) / 64)
        NF4.quantize(input.span, intoPacked: packed.mutableSpan, absmax: absmax.mutableSpan)
        return (packed: packed, absmax: absmax)
      }
      #expect(one == two)
      #expect(try one.packed == golden.bytes("\(name).sq.packed"))
      #expect(try one.packed == golden.bytes("\(name).dq.packed"))
      #expect(try bits(one.absmax) == bits(golden.floats("\(name).sq.absmax")))

      var codes = [UInt8](repeating: 0, count: one.absmax.count)
      var absmax2 = [Float](repeating: .nan, count: (codes.count + 255) / 256)
      let offset = NF4.quantizeAbsmax(one.absmax.span, into: codes.mutableSpan, absmax2: absmax2.mutableSpan)
      #expect(try codes == golden.bytes("\(name).dq.absmax_u8"))
      #expect(try bits(absmax2) == bits(golden.floats("\(name).dq.absmax2")))
      #expect(try bits([offset]) == bits(golden.floats("\(name).dq.offset")))
    }

    @Test(arguments: cases)
    func `dequantization gives the same weights`(name: String) throws {
      let single = try golden.floats("\(name).sq.dequant")
      var weights = [Float](repeating: .nan, count: single.count)
      let singlePacked = try golden.bytes("\(name).sq.packed")
      let singleAbsmax = try golden.floats("\(name).sq.absmax")
      NF4.dequantize(
        packed: singlePacked.span, absmax: singleAbsmax.span, count: single.count, into: weights.mutableSpan)
      #expect(bits(weights) == bits(single))

      let double = try golden.floats("\(name).dq.dequant")
      let packed = try golden.bytes("\(name).dq.packed")
      let codes = try golden.bytes("\(name).dq.absmax_u8")
      let absmax2 = try golden.floats("\(name).dq.absmax2")
      let offset = try golden.floats("\(name).dq.offset")[0]
      let (one, two) = onOneAndTwoThreads {
        var weights = [Float](repeating: .nan, count: double.count)
        NF4.dequantize(
          packed: packed.span, absmaxCodes: codes.span, absmax2: absmax2.span, offset: offset, count: double.count,
          into: weights.mutableSpan)
        return weights
      }
      #expect(bits(one) == bits(double))
      #expect(bits(two) == bits(double))

      var absmax = [Float](repeating: .nan, count: codes.count)
      NF4.dequantizeAbsmax(
        codes: codes.span, absmax2: absmax2.span, offset: offset, into: absmax.mutableSpan)
      NF4.dequantize(packed: packed.span, absmax: absmax.span, count: double.count, into: weights.mutableSpan)
      #expect(bits(weights) == bits(double))
    }
  }

  @Suite struct `NF4 blocks` {
    @Test func `an odd count fills its last byte with the code of zero`() {
      let w: [Float] = [0.5, -1, 1]
      var packed: [UInt8] = [0, 0]
      var absmax: [Float] = [0]
      NF4.quantize(w.span, intoPacked: packed.mutableSpan, absmax: absmax.mutableSpan)
      // 0.5 lies between levels 12 and 13, 0.4407 and 0.5626, and is nearer to 12; then 0, 15 and the zero's 7.
      #expect(packed == [0xC0, 0xF7])
      #expect(absmax == [1])
    }

    @Test(arguments: [64, 128, 2048])
    func `blocks of any size come back within half the widest gap`(blockSize: Int) {
      var values = TestValues(seed: UInt64(blockSize))
      let count = 70_001
      let w = values.array(count, scale: 3)
      var packed = [UInt8](repeating: 0, count: (count + 1) / 2)
      var absmax = [Float](repeating: 0, count: (count + blockSize - 1) / blockSize)
      NF4.quantize(w.span, blockSize: blockSize, intoPacked: packed.mutableSpan, absmax: absmax.mutableSpan)
      var back = [Float](repeating: .nan, count: count)
      NF4.dequantize(
        packed: packed.span, absmax: absmax.span, count: count, blockSize: blockSize, into: back.mutableSpan)
      // The widest gap is the lowest, 1 - 0.6962; a rounding or two on top.
      #expect(
        w.indices.allSatisfy { abs(w[$0] - back[$0]) <= 0.1520 * absmax[$0 / blockSize] })
    }

    @Test func `scales beyond the first 256 use their own second-level scale`() {
      let scales = (0..<600).map { Float($0 < 256 ? 1 : 100) + Float($0 % 7) }
      var codes = [UInt8](repeating: 0, count: 600)
      var absmax2 = [Float](repeating: 0, count: 3)
      let offset = NF4.quantizeAbsmax(scales.span, into: codes.mutableSpan, absmax2: absmax2.mutableSpan)
      var back = [Float](repeating: .nan, count: 600)
      NF4.dequantizeAbsmax(codes: codes.span, absmax2: absmax2.span, offset: offset, into: back.mutableSpan)
      #expect(absmax2[1] == absmax2[2] && absmax2[0] > absmax2[1])
      // Codes near one are 1/64 apart, of which half may be lost, and a grid step besides.
      #expect(scales.indices.allSatisfy { abs(scales[$0] - back[$0]) <= 0.008 * absmax2[$0 / 256] })
    }
  }
}
