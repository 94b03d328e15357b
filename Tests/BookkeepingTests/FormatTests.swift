import Bookkeeping
import Testing

@Suite struct `Formats` {
  /// Bits a weight, as ggml's documentation of its quantizations prints them (llama.cpp pull request 1684 for the K
  /// formats; `ggml-common.h` static assertions for the others).
  static let published: [(ScalarFormat, Double)] = [
    (.q4_0, 4.5), (.q4_1, 5), (.q5_0, 5.5), (.q5_1, 6), (.q8_0, 8.5), (.q8_1, 9), (.q2_K, 2.625), (.q3_K, 3.4375),
    (.q4_K, 4.5), (.q5_K, 5.5), (.q6_K, 6.5625), (.q8_K, 9.125), (.nf4, 4), (.fp4, 4), (.fp8, 8), (.int8, 8),
    (.uint8, 8), (.bool, 8), (.int16, 16), (.fp16, 16), (.bf16, 16), (.int32, 32), (.fp32, 32), (.int64, 64),
    (.fp64, 64),
  ]

  @Test(arguments: published)
  func `a weight costs the published number of bits`(format: ScalarFormat, bits: Double) {
    #expect(format.bytesPerElement * 8 == bits)
  }

  @Test func `every format is published`() {
    #expect(Set(Self.published.map(\.0)) == Set(ScalarFormat.allCases))
  }

  @Test(arguments: ScalarFormat.allCases)
  func `a ragged last block is stored whole`(format: ScalarFormat) {
    let block = format.blockElements
    #expect(format.storage(of: 0) == .zero)
    #expect(format.storage(of: 1) == format.blockBytes)
    #expect(format.storage(of: block) == format.blockBytes)
    #expect(format.storage(of: block + 1) == 2 * format.blockBytes)
    #expect(format.storage(of: 1000 * block) == 1000 * format.blockBytes)
  }

  @Test(arguments: [1, 7, 4096])
  func `nf4 costs 0.515869140625 bytes a parameter with double quantization, 0.5625 without`(times: Int) {
    // 64 weights share an absmax, 256 of which share a nested one: both divide 16384 and its multiples.
    let count = 16384 * times
    let double = BlockQuantization(isDouble: true).storage(of: count)
    let plain = BlockQuantization(isDouble: false).storage(of: count)
    #expect(Double(double.count) / Double(count) == 0.515869140625)
    #expect(Double(plain.count) / Double(count) == 0.5625)
  }

  @Test func `a quantized weight has its constants in tensors of their own`() {
    let double = BlockQuantization(isDouble: true).parts(of: 1000)
    #expect(double.map(\.kind) == [.codes, .absmax, .nestedAbsmax, .offset, .codeTable, .nestedCodeTable])
    // 1000 weights: 500 bytes of codes, 16 blocks of 64, one nested block, an offset, tables of 16 and 256 floats.
    #expect(double.map(\.bytes.count) == [500, 16, 4, 4, 64, 1024])
    let plain = BlockQuantization(codes: .fp4, isDouble: false).parts(of: 1000)
    #expect(plain.map(\.kind) == [.codes, .absmax, .codeTable])
    #expect(plain.map(\.bytes.count) == [500, 64, 64])
    #expect((double + plain).allSatisfy { ($0.account == .weights) == ($0.kind == .codes) })
  }

  @Test func `a shape without extents has one element`() {
    #expect(Shape([]).count == 1)
    #expect(([2, 3, 4] as Shape).count == 24)
    #expect(([5, 0] as Shape).count == 0)
    #expect(([2, 3] as Shape).description == "[2, 3]")
  }

  @Test func `a product counts two operations a multiply-add`() {
    #expect(FLOPs.matrixProduct(2, 3, 4) == FLOPs(48))
    #expect(FLOPs(3_000_000_000).description == "3.00 GFLOP")
    #expect(FLOPs(12).description == "12 FLOP")
  }

  @Test func `a work sheet adds up by phase and share`() {
    var sheet = WorkSheet()
    for (phase, share, count) in [(.forward, .frozen, 1), (.forward, .trained, 2), (.backward, .trained, 4)]
      as [(WorkSheet.Phase, WorkSheet.Share, Int)]
    {
      sheet.record(.init(operation: "a", phase: phase, share: share, isMatrixProduct: count > 1, flops: FLOPs(count)))
    }
    #expect(sheet.total == FLOPs(7) && sheet.matrixProducts == FLOPs(6))
    #expect(sheet.total(.forward) == FLOPs(3) && sheet.total(.forward, .trained) == FLOPs(2))
    #expect(WorkSheet.Phase.allCases.reduce(.zero) { $0 + sheet.total($1) } == sheet.total)
  }
}
