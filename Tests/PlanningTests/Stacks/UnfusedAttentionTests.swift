import Bookkeeping
import Modeling
import Planning
import Testing

/// torch's attention where no fused kernel takes it: flash attention knows neither fp32 nor old cards, and the
/// memory-efficient kernel no keys and values that heads share.
@Suite struct `Attention without a fused kernel` {
  private static func model(_ change: (inout TorchFixture) -> Void) -> TorchFixture {
    TorchFixture {
      ($0.L, $0.A, $0.KV, $0.D, $0.sequence) = (2, 12, 2, 128, 256)
      $0.options = TorchWalk.Options(cublasWorkspace: .zero)
      change(&$0)
    }
  }

  /// What attention of the first layer makes in forward and backward takes up.
  private static func saved(_ model: TorchFixture) throws -> Int {
    let ledger = try model.books().ledger
    return ledger.entries.filter { entry in
      entry.name.hasPrefix("layers.0.attention.") && ledger.clock.label(of: entry.opened).contains("forward.")
        && entry.closed.map { ledger.clock.label(of: $0).contains("backward.") } == true
    }.reduce(0) { $0 + $1.bytes.count }
  }

  // torch 2.15 on a CPU: distinct storages that `saved_tensors_hooks` sees of `aten._scaled_dot_product_attention_math`,
  // causal, with groups, of 12 query heads and 2 key heads of 128 over 256 tokens: scaled queries and keys, values,
  // probabilities, in fp32 from fp16 operands too.
  @Test(arguments: [
    (1, ScalarFormat.fp32, 7_864_320), (1, .fp16, 7_864_320), (2, .fp32, 15_728_640), (2, .fp16, 15_728_640),
  ])
  func `keeps what torch's plain products keep`(sequences: Int, format: ScalarFormat, bytes: Int) throws {
    let model = Self.model {
      $0.microBatch = sequences
      ($0.weights, $0.adapters) = (format, format)
      $0.options.hasFlashKernels = false
    }
    #expect(try Self.saved(model) == bytes)
  }

  @Test(arguments: [ScalarFormat.bf16, .fp16])
  func `is not what a card with flash attention runs in a half format`(format: ScalarFormat) throws {
    let model = Self.model { ($0.weights, $0.adapters) = (format, format) }
    #expect(try Self.saved(model) == 0)
  }

  @Test func `is what fp32 runs on any card, unless each head has its own keys, a copy of them, or autocast`() throws {
    let whole = Self.model { ($0.weights, $0.adapters) = (.fp32, .fp32) }
    #expect(try Self.saved(whole) == 7_864_320)
    #expect(try Self.saved(whole.with { $0.KV = 12 }) == 0)
    #expect(try Self.saved(whole.with { $0.choices = { $0.sharedHeads = .repeated } }) < 7_864_320)
    let scores = 12 * 256 * 256
    #expect(try Self.saved(whole.with { $0.precision = .autocast }) < scores)
  }

  @Test func `is said`() throws {
    let sentences = try Self.model { $0.options.hasFlashKernels = false }.walk().assumptions
    #expect(sentences.contains { $0.contains("all scores are made") })
    #expect(try !Self.model { _ in }.walk().assumptions.contains { $0.contains("all scores are made") })
  }
}
