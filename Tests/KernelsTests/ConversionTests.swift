import Foundation
import Kernels
import Testing

extension KernelTests {
  /// Formats of weight files, against what gguf-py and NumPy make of the same bytes (`conversion_vectors.py`).
  @Suite struct `Conversion` {
    private func vectors() throws -> SafetensorsReader {
      try SafetensorsReader(
        #require(
          Bundle.module.url(forResource: "conversion_vectors", withExtension: "safetensors", subdirectory: "Golden")))
    }

    @Test(arguments: BlockFormat.allCases)
    func `blocks are gguf-py's to the bit`(_ format: BlockFormat) throws {
      let file = try vectors()
      let name = format.rawValue.uppercased()
      let blocks = try file.bytes("\(name).blocks")
      let expected = try file.floats("\(name).values")
      #expect(blocks.count / format.blockBytes * format.blockElements == expected.count)
      var seen = [Float](repeating: .nan, count: expected.count)
      format.dequantize(blocks.span, into: seen.mutableSpan)
      #expect(seen.map(\.bitPattern) == expected.map(\.bitPattern))
    }

    @Test(arguments: BlockFormat.allCases)
    func `blocks at odd addresses and on several threads come out the same`(_ format: BlockFormat) throws {
      let blocks = try vectors().bytes("\(format.rawValue.uppercased()).blocks")
      // More blocks than one task takes.
      let copies = 2 * 32768 / (blocks.count / format.blockBytes * format.blockElements) + 3
      let many = Array(repeatElement(blocks, count: copies).joined())
      let shifted = [0] + many
      let (one, two) = onOneAndTwoThreads {
        var y = [Float](repeating: .nan, count: many.count / format.blockBytes * format.blockElements)
        format.dequantize(shifted.span.extracting(droppingFirst: 1), into: y.mutableSpan)
        return y
      }
      #expect(one == two)
      var first = [Float](repeating: .nan, count: one.count / copies)
      format.dequantize(blocks.span, into: first.mutableSpan)
      #expect(Array(one.suffix(first.count)) == first)
    }

    @Test func `every half widens to the float that Swift's Float16 widens to`() {
      let halves = (0..<UInt16.max).map { $0 } + [UInt16.max]
      let bytes = halves.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
      var seen = [Float](repeating: 1, count: halves.count)
      FloatConversion.float16(bytes.span, into: seen.mutableSpan)
      for (half, value) in zip(halves, seen) {
        let expected = Float(Float16(bitPattern: half))
        let agrees = expected.isNaN ? value.isNaN : value.bitPattern == expected.bitPattern
        if !agrees { Issue.record("the half \(half) is \(expected), not \(value)") }
      }
    }

    @Test func `bfloat16 is the upper half of a float`() {
      let halves: [UInt16] = [0, 0x8000, 0x3F80, 0xC049, 0x7F80, 0x0001, 0x7F7F]
      let bytes = halves.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
      var seen = [Float](repeating: .nan, count: halves.count)
      FloatConversion.bfloat16(bytes.span, into: seen.mutableSpan)
      #expect(seen.map(\.bitPattern) == halves.map { UInt32($0) << 16 })
    }

    @Test func `floats are read back from bytes at an odd address`() {
      let values: [Float] = [1.5, -0, .greatestFiniteMagnitude, .leastNonzeroMagnitude]
      let bytes: [UInt8] = [7] + values.flatMap { value in (0..<4).map { UInt8(value.bitPattern >> (8 * $0) & 255) } }
      var seen = [Float](repeating: .nan, count: values.count)
      FloatConversion.float32(bytes.span.extracting(droppingFirst: 1), into: seen.mutableSpan)
      #expect(seen.map(\.bitPattern) == values.map(\.bitPattern))
    }

    @Test func `narrowing rounds to nearest even, as NumPy and gguf-py do`() throws {
      let file = try vectors()
      let source = try file.floats("narrow.source")
      func halves(_ name: String) throws -> [UInt16] {
        let bytes = try file.bytes(name)
        return stride(from: 0, to: bytes.count, by: 2).map { UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8 }
      }
      var seen = [UInt16](repeating: 0, count: source.count)
      FloatConversion.narrowToFloat16(source.span, into: seen.mutableSpan)
      #expect(try seen == halves("narrow.fp16"))
      FloatConversion.narrowToBFloat16(source.span, into: seen.mutableSpan)
      #expect(try seen == halves("narrow.bf16"))
    }

    @Test func `a number that is none stays none when it narrows`() {
      let source: [Float] = [.nan, Float(bitPattern: 0x7F80_0001), Float(bitPattern: 0xFF80_0001)]
      var seen = [UInt16](repeating: 0, count: source.count)
      FloatConversion.narrowToFloat16(source.span, into: seen.mutableSpan)
      #expect(seen.allSatisfy { Float16(bitPattern: $0).isNaN })
      FloatConversion.narrowToBFloat16(source.span, into: seen.mutableSpan)
      #expect(seen.allSatisfy { Float(bitPattern: UInt32($0) << 16).isNaN })
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func `what is not finite is found wherever it stands`(_ value: Float) {
      var x = [Float](repeating: .greatestFiniteMagnitude, count: 1000)
      #expect(FloatConversion.firstNonFinite(x.span) == nil)
      for place in [0, 517, 999] {
        x[place] = value
        #expect(FloatConversion.firstNonFinite(x.span) == place)
        x[place] = 0
      }
    }
  }

  /// A file as memory.
  @Suite struct `A mapped file` {
    @Test func `holds the file's bytes, and still does after a release`() throws {
      let path = NSTemporaryDirectory() + "mapped-\(UUID().uuidString)"
      let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      defer { try? FileManager.default.removeItem(atPath: path) }
      let file = try MappedFile(path)
      #expect(file.size == bytes.count)
      for _ in 0..<2 {
        let span = file.bytes(100..<299_999)
        let sum = span.indices.reduce(0) { $0 + Int(span[$1]) }
        #expect(sum == bytes[100..<299_999].reduce(0) { $0 + Int($1) })
        file.release(100..<299_999)
      }
    }

    @Test(arguments: ["/nonexistent/weights", "/", "/dev/null", "a\u{0}b"])
    func `that is none is refused with a reason`(_ path: String) {
      #expect { try MappedFile(path) } throws: { error in
        guard case MappedFileError.cannotMap(path, let reason) = error else { return false }
        return !reason.isEmpty
      }
    }
  }
}
