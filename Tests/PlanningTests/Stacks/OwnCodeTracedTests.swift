import Bookkeeping
import Modeling
import Planning
import Testing

/// Steps that torchtune 0.6.1 (torchao 0.10) and LitGPT 0.5.13 really ran on a CPU with torch 2.15, every storage's birth
/// and death seen through a dispatch mode that lets the engine add gradients in place as it does without one: bytes
/// above the resident ones after forward, and at most.
///
/// Their own models and losses ran in a loop written as in their recipes: `_loss_step` of
/// full_finetune_single_device.py, `fit` of litgpt/finetune/lora.py from its second micro-batch on, its model set up by
/// lightning 2.6's `Fabric(precision="bf16-true")`. Sixteen bytes of tolerance: token counts and a scalar or two of the
/// loss.
@Suite struct `Own model code: traced steps` {
  typealias Case = `Torch walk: traced steps`.Case

  static let full: @Sendable (inout TorchFixture) -> Void = { $0.method = .full }

  static let torchtune: [Case] = [
    Case("full", 19_362_612, 21_768_464, full),
    Case("full, checkpointed", 3_608_372, 19_054_096) {
      full(&$0)
      $0.checkpoints = true
    },
    Case("full, all logits", 19_362_576, 21_981_456) {
      full(&$0)
      $0.loss = .full
    },
    Case("full, heads that share nothing", 19_362_612, 21_768_464) {
      full(&$0)
      $0.KV = 8
    },
    Case("full, fp32", 30_831_412, 36_956_432) {
      full(&$0)
      $0.weights = .fp32
    },
    Case("full, two sequences", 19_362_612, 21_686_544) {
      full(&$0)
      $0.microBatch = 2
      $0.sequence = 160
    },
    Case("full, two micro-batches", 33_261_364, 35_667_216) {
      full(&$0)
      $0.accumulation = 2
    },
    Case("full, steps in backward", 19_362_612, 21_768_464) {
      full(&$0)
      $0.choices = { $0.stepsInBackward = true }
    },
    Case("full, checkpointed, steps in backward", 3_608_372, 11_530_768) {
      full(&$0)
      $0.checkpoints = true
      $0.choices = { $0.stepsInBackward = true }
    },
    Case("LoRA", 15_244_852, 17_207_056) { _ in },
    Case("LoRA, checkpointed", 2_625_332, 9_822_736) { $0.checkpoints = true },
    Case("LoRA, two sequences", 15_244_852, 17_207_056) {
      $0.microBatch = 2
      $0.sequence = 160
    },
    Case("LoRA on q and v", 12_684_852, 14_647_056) { $0.targets = .modules(["q_proj", "v_proj"]) },
    Case("LoRA, large vocabulary", 54_894_132, 80_494_136) { $0.V = 32000 },
    Case("LoRA, checkpointed, large vocabulary, all logits", 42_274_576, 124_192_016) {
      $0.V = 32000
      $0.loss = .full
      $0.checkpoints = true
    },
    Case("QLoRA", 15_244_852, 24_362_760) { $0.method = .nf4Double },
    Case("QLoRA, checkpointed", 2_625_332, 19_036_688) {
      $0.method = .nf4Double
      $0.checkpoints = true
    },
  ]

  static let litGPT: [Case] = [
    Case("full", 21_332_244, 23_630_088, full),
    Case("full, checkpointed", 4_914_452, 20_696_584) {
      full(&$0)
      $0.checkpoints = true
    },
    Case("full, heads that share nothing", 22_642_964, 24_940_808) {
      full(&$0)
      $0.KV = 8
    },
    Case("full, two sequences", 21_330_688, 23_425_288) {
      full(&$0)
      $0.microBatch = 2
      $0.sequence = 160
    },
    Case("LoRA on q and v", 14_992_404, 16_303_880) { _ in },
    Case("LoRA on q and v, checkpointed", 3_931_412, 11_184_648) { $0.checkpoints = true },
    Case("LoRA on q and v, two sequences", 14_990_848, 17_085_448) {
      $0.microBatch = 2
      $0.sequence = 160
    },
    Case("LoRA on all", 17_212_436, 18_523_912) { $0.targets = .allLinear },
    Case("LoRA on all, checkpointed", 3_931_412, 11_444_744) {
      $0.targets = .allLinear
      $0.checkpoints = true
    },
    Case("LoRA on q and v, heads that share nothing", 16_634_900, 17_946_376) { $0.KV = 8 },
    Case("LoRA on q and v, large vocabulary", 94_167_060, 126_935_056) { $0.V = 32000 },
    Case("LoRA on q and v, large vocabulary, checkpointed", 83_106_068, 115_874_064) {
      $0.V = 32000
      $0.checkpoints = true
    },
  ]

  @Test(arguments: torchtune)
  func `a step of torchtune holds what torch held`(_ example: Case) throws {
    try check(
      TorchFixture {
        $0.stack = .torchtune
        $0.loss = .chunked
        example.change(&$0)
      }, example)
  }

  @Test(arguments: litGPT)
  func `a step of LitGPT holds what torch held`(_ example: Case) throws {
    try check(
      TorchFixture {
        $0.stack = .litgpt
        $0.loss = .chunked
        $0.targets = .modules(["q_proj", "v_proj"])
        example.change(&$0)
      }, example)
  }

  private func check(_ fixture: TorchFixture, _ example: Case) throws {
    let books = try fixture.books()
    #expect(abs(books.afterForward - example.afterForward) <= 16)
    #expect(abs(books.peak - example.peak) <= 16)
  }

  /// Layer norms of GPT-NeoX keep their mean and deviation in fp32 on CUDA and in bf16 on a CPU: 4 · 320 bytes less in
  /// the trace for each of five norms at most.
  @Test(arguments: [
    (Method.Name.lora, false, 10_563_348, 11_876_872), (.full, false, 15_096_084, 18_313_736),
    (.lora, true, 3_601_684, 9_216_520),
  ])
  func `a step of LitGPT's GPT-NeoX holds what torch held`(
    _ method: Method.Name, _ checkpoints: Bool, _ afterForward: Int, _ peak: Int
  ) throws {
    let spec = try ModelSpec(
      name: "small-neox", architecture: .gptNeoX, layerCount: 2, hiddenSize: 512,
      attention: AttentionSpec(
        heads: 8, keyValueHeads: 8, headDimension: 64, hasProjectionBias: true, hasOutputBias: true,
        fusesProjections: true),
      feedForward: FeedForwardSpec(intermediateSize: 2048, isGated: false, activation: .gelu, hasBias: true),
      vocabularySize: 1024, tiesEmbeddings: false,
      normalization: Normalization(kind: .layer, epsilon: 1e-5, isParallel: true),
      positions: .rotary(RotarySpec(theta: 10000, rotatedShare: 0.25)), maximumPositions: 1024)
    let fixture = TorchFixture {
      $0.stack = .litgpt
      $0.method = method == .full ? .full : .lora
      $0.targets = .modules(["q_proj", "v_proj"])
      $0.checkpoints = checkpoints
      $0.loss = .chunked
    }
    let walk = try TorchWalk.journal(spec, fixture.recipe(), options: fixture.options)
    let books = Books(ledger: Ledger(posting: walk.journal))
    #expect((-16...6400).contains(books.afterForward - afterForward))
    #expect((-16...6400).contains(books.peak - peak))
  }
}
