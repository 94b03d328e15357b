import Bookkeeping
import Modeling
import Planning
import Testing

/// Steps that torch 2.13 really ran on a CPU (transformers 5.23, peft 0.21.2, bitsandbytes 0.50.2), every storage's birth
/// and death seen through a dispatch mode: bytes above the resident ones after forward, and at most.
///
/// Four bytes of tolerance, for the loss: the trace's program holds it a little longer or shorter. Where the walk is
/// higher by design, the case says why.
@Suite struct `Torch walk: traced steps` {
  struct Case: CustomTestStringConvertible, Sendable {
    let title: String
    let afterForward: Int
    let peak: Int
    let change: @Sendable (inout TorchFixture) -> Void

    init(_ title: String, _ afterForward: Int, _ peak: Int, _ change: @escaping @Sendable (inout TorchFixture) -> Void)
    {
      self.title = title
      self.afterForward = afterForward
      self.peak = peak
      self.change = change
    }

    var testDescription: String { title }
  }

  static let full: @Sendable (inout TorchFixture) -> Void = { $0.method = .full }
  static let fullAutocast: @Sendable (inout TorchFixture) -> Void = {
    $0.method = .full
    $0.weights = .fp32
    $0.precision = .autocast
  }
  static let loraAutocast: @Sendable (inout TorchFixture) -> Void = {
    $0.adapters = .fp32
    $0.precision = .autocast
  }

  static let cases: [Case] = [
    Case("LoRA", 14_671_376, 17_290_248) { _ in },
    Case("LoRA, two micro-batches", 15_269_392, 17_888_264) { $0.accumulation = 2 },
    Case("LoRA, two sequences", 14_630_408, 17_249_288) {
      $0.microBatch = 2
      $0.sequence = 160
    },
    Case("LoRA, eager", 25_136_656, 27_755_528) { $0.attention = .eager },
    Case("LoRA, eager, two sequences", 20_180_488, 22_799_368) {
      $0.attention = .eager
      $0.microBatch = 2
      $0.sequence = 160
    },
    Case("LoRA, padded", 31_390_728, 36_628_488) {
      $0.microBatch = 2
      $0.options.isPadded = true
    },
    Case("LoRA, outputs kept", 15_326_736, 17_945_608) { $0.choices = { $0.keepsOutputs = true } },
    Case("LoRA, fp32 adapters", 23_170_576, 25_789_448) { $0.adapters = .fp32 },
    Case("LoRA, fp32 adapters, autocast", 17_841_680, 20_920_576, loraAutocast),
    Case("LoRA on fp32, autocast", 29_720_080, 32_390_672) {
      loraAutocast(&$0)
      $0.weights = .fp32
    },
    Case("full", 17_150_736, 19_769_608, full),
    Case("full, two micro-batches", 31_049_488, 33_668_360) {
      full(&$0)
      $0.accumulation = 2
    },
    Case("full, fp32", 29_684_496, 35_646_472) {
      full(&$0)
      $0.weights = .fp32
    },
    Case("full, fp32, padded", 63_464_968, 70_406_152) {
      full(&$0)
      $0.weights = .fp32
      $0.microBatch = 2
      $0.options.isPadded = true
    },
    Case("full, autocast", 33_682_192, 36_303_632, fullAutocast),
    Case("full, autocast, eager", 26_038_672, 29_990_152) {
      fullAutocast(&$0)
      $0.attention = .eager
      $0.sequence = 160
    },
    Case("QLoRA, prepared, autocast", 23_723_536, 26_394_128) {
      loraAutocast(&$0)
      $0.method = .nf4Double
    },
    Case("QLoRA, prepared", 25_382_416, 28_001_288) {
      $0.adapters = .fp32
      $0.method = .nf4Double
    },
    Case("QLoRA on fp32 as TRL runs it", 23_174_672, 26_416_904) {
      $0.method = .nf4Double
      $0.weights = .fp32
      $0.precision = .autocast
      $0.stack = .trl
    },
    // A head that reuses the embedding: two gradients and their sum, since the first is a view to torch.
    Case("full, fp32, tied, large vocabulary", 13_866_768, 220_211_208) {
      full(&$0)
      $0.weights = .fp32
      $0.isTied = true
      $0.V = 32000
      $0.sequence = 64
    },
  ]

  static let checkpointed: [Case] = [
    Case("LoRA", 2_709_776, 9_559_048) { _ in },
    Case("LoRA, two micro-batches", 3_307_792, 10_095_624) { $0.accumulation = 2 },
    Case("LoRA on q and v", 2_709_776, 9_128_968) { $0.targets = .modules(["q_proj", "v_proj"]) },
    Case("LoRA, eager", 2_914_576, 14_996_488) { $0.attention = .eager },
    Case("LoRA, padded", 5_539_848, 20_241_928) {
      $0.microBatch = 2
      $0.options.isPadded = true
    },
    Case("LoRA, fp32 adapters", 2_709_776, 15_645_704) { $0.adapters = .fp32 },
    Case("LoRA, fp32 adapters, autocast", 2_709_776, 13_599_752, loraAutocast),
    Case("LoRA on fp32, autocast", 4_495_632, 19_964_936) {
      loraAutocast(&$0)
      $0.weights = .fp32
    },
    Case("full", 3_365_136, 18_253_576, full),
    Case("full, fp32", 4_757_776, 34_329_608) {
      full(&$0)
      $0.weights = .fp32
    },
    Case("full, autocast", 5_478_672, 32_723_976, fullAutocast),
    Case("QLoRA, prepared", 3_447_056, 17_136_648) {
      $0.adapters = .fp32
      $0.method = .nf4Double
    },
    Case("QLoRA on fp32 as TRL runs it", 4_495_632, 17_406_984) {
      $0.method = .nf4Double
      $0.weights = .fp32
      $0.precision = .autocast
      $0.stack = .trl
    },
  ]

  @Test(arguments: cases)
  func `a step holds what torch held`(_ example: Case) throws {
    try check(TorchFixture(example.change), example)
  }

  @Test(arguments: checkpointed)
  func `a checkpointed step holds what torch held`(_ example: Case) throws {
    try check(
      TorchFixture {
        example.change(&$0)
        $0.checkpoints = true
      }, example)
  }

  private func check(_ fixture: TorchFixture, _ example: Case) throws {
    let books = try fixture.books()
    #expect(abs(books.afterForward - example.afterForward) <= 4)
    #expect(abs(books.peak - example.peak) <= 4)
  }

  @Test func `a quantized base borrows its dequantized weight in the recomputation too`() throws {
    // The trace cannot see inside bitsandbytes' forward, where the weight (1 441 792 bytes) and twice its fp32 absmax
    // are alive: 10 099 720 bytes were seen in backward, and 426 584 more (kernel scratch included) by the allocator.
    let books = try TorchFixture {
      $0.method = .nf4Double
      $0.precision = .autocast
      $0.stack = .trl
      $0.checkpoints = true
    }.books()
    #expect(books.peak >= 10_099_720)
    #expect(books.peak <= 10_526_304)
    #expect(books.ledger.clock.label(of: books.ledger.peak.moment).contains("recompute.layer.1.down"))
  }
}
