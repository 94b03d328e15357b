import Planning
import Testing

@Suite struct `Lengths of samples` {
  @Test func `quantiles are by the nearest rank`() throws {
    // 1 to 200: the 90th percentile is the 180th of 200 values, the 99th the 198th.
    let samples = SampleLengths(lengths: Array((1...200).reversed()), basis: .tokenizer("t"))
    let summary = try #require(samples.summary)
    #expect(summary.minimum == 1 && summary.median == 100 && summary.maximum == 200)
    #expect(summary.percentile90 == 180 && summary.percentile99 == 198)
    #expect(summary.mean == 100.5)
    #expect(samples.total == 20_100)
    #expect(SampleLengths(lengths: [], basis: .tokenizer("t")).summary == nil)
  }

  @Test func `bins end at powers of two and hold every sample once`() {
    let samples = SampleLengths(lengths: [1, 2, 3, 4, 5, 8, 9, 64, 65], basis: .tokenizer("t"))
    let bins = samples.histogram
    #expect(bins.map(\.lengths) == [1...1, 2...2, 3...4, 5...8, 9...16, 17...32, 33...64, 65...128])
    #expect(bins.map(\.count) == [1, 1, 2, 2, 1, 0, 1, 1])
  }

  @Test func `what is beyond the sequence is cut, and counted`() {
    let samples = SampleLengths(lengths: [10, 300, 512, 513], basis: .tokenizer("t"))
    #expect(samples.cut(at: 512) == [10, 300, 512, 512])
    #expect(samples.beyond(512) == 1)
  }

  // Grattafiori et al. 2024, section 3.2: 3.17 characters a token for 32,000 tokens, 3.94 for 128,256.
  @Test(arguments: [(32_000, 3.17), (128_256, 3.94)])
  func `the estimate follows the vocabulary`(vocabulary: Int, ratio: Double) {
    let estimate = BytesPerToken(vocabularySize: vocabulary)
    #expect(estimate.expected == ratio)
    #expect(estimate.tokens(ofBytes: 12_000) == Int((12_000 / ratio).rounded()))
    #expect(estimate.tokens(ofBytes: 0) == 1)
    let range = estimate.range(of: 1000)
    #expect(range.low <= 1000 && 1000 <= range.high)
    #expect(abs(range.high / range.low - 3.94 / 3.17) < 1e-12)
  }
}
