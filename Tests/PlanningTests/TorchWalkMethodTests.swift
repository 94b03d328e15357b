import Bookkeeping
import Modeling
import Planning
import Testing

/// Steps under PEFT 0.21.2's other methods that torch 2.15 really ran on a CPU (transformers 5.23), traced as in
/// `Torch walk: traced steps`: a Llama of two layers in bf16, 320 tokens, storages seen through a dispatch mode.
@Suite struct `Torch walk: traced methods` {
  struct Case: CustomTestStringConvertible, Sendable {
    let title: String
    let afterForward: Int
    let peak: Int
    /// Parameters that train, as PEFT counts them.
    let trained: Int
    /// Bytes by which the walk may differ, for what it leaves out.
    let tolerance: Int
    let change: @Sendable (inout TorchFixture) throws -> Void

    init(
      _ title: String, _ afterForward: Int, _ peak: Int, trained: Int, tolerance: Int = 4,
      _ change: @escaping @Sendable (inout TorchFixture) throws -> Void
    ) {
      self.title = title
      self.afterForward = afterForward
      self.peak = peak
      self.trained = trained
      self.tolerance = tolerance
      self.change = change
    }

    var testDescription: String { title }
  }

  static func dora(dropout: Double = 0) throws -> Method {
    .lora(try LoRA(rank: 16, alpha: 32, dropout: dropout, decomposesWeights: true))
  }

  static func saving(_ modules: [String]) throws -> Method {
    .lora(try LoRA(rank: 16, alpha: 32, modulesToSave: modules))
  }

  static let ia3 = Method.wrapped(.ia3(IA3(targets: .modules(["k_proj", "v_proj", "down_proj"]))), nil)

  /// Vectors of a layer's width, whose births and deaths inside an expression are not walked one by one.
  static let vectors = 4 * 1024
  /// The solver's scratch of BOFT's blocks.
  static let solver = 400 * 1024

  static let cases: [Case] = [
    Case("DoRA", 27_179_536, 34_189_568, trained: 308_736, tolerance: vectors) { $0.other = try dora() },
    Case("DoRA, checkpointed", 2_709_776, 22_610_440, trained: 308_736, tolerance: vectors) {
      $0.other = try dora()
      $0.checkpoints = true
    },
    Case("DoRA, fp32 adapters", 41_960_976, 61_077_760, trained: 308_736, tolerance: vectors) {
      $0.other = try dora()
      $0.adapters = .fp32
    },
    Case("embedding and head saved", 15_655_696, 18_338_824, trained: 1_347_584) {
      $0.other = try saving(["embed_tokens", "lm_head"])
    },
    Case("embedding and head saved, checkpointed", 3_037_456, 10_607_624, trained: 1_347_584) {
      $0.other = try saving(["embed_tokens", "lm_head"])
      $0.checkpoints = true
    },
    Case("tied head saved", 14_999_056, 17_682_184, trained: 823_296) {
      $0.other = try saving(["lm_head"])
      $0.isTied = true
    },
    Case("tied embedding saved", 15_328_016, 17_946_888, trained: 823_296) {
      $0.other = try saving(["embed_tokens"])
      $0.isTied = true
    },
    Case("embedding and head saved, fp32 adapters", 24_154_896, 26_838_024, trained: 1_347_584) {
      $0.other = try saving(["embed_tokens", "lm_head"])
      $0.adapters = .fp32
    },
    Case("last layer", 8_616_976, 11_235_848, trained: 2_950_144) {
      $0.other = .partial(.layers(try LayerFreeze(layers: 1)))
    },
    Case("last layer, checkpointed", 2_709_776, 14_353_416, trained: 2_950_144) {
      $0.other = .partial(.layers(try LayerFreeze(layers: 1)))
      $0.checkpoints = true
    },
    Case("head", 1_640_976, 4_259_848, trained: 524_288) { $0.other = .partial(.head) },
    Case("head, fp32", 1_968_656, 8_194_560, trained: 524_288) {
      $0.other = .partial(.head)
      $0.weights = .fp32
    },
    Case("head, checkpointed", 3_037_456, 9_829_384, trained: 524_288) {
      $0.other = .partial(.head)
      $0.checkpoints = true
    },
    Case("(IA)³, fp32", 15_688_208, 19_458_312, trained: 3840, tolerance: vectors) {
      $0.other = ia3
      $0.adapters = .fp32
    },
    Case("(IA)³", 13_879_312, 16_498_184, trained: 3840, tolerance: vectors) { $0.other = ia3 },
    Case("(IA)³, checkpointed", 2_709_776, 10_013_448, trained: 3840, tolerance: vectors) {
      $0.other = ia3
      $0.checkpoints = true
    },
    Case("LN tuning", 13_053_456, 15_672_328, trained: 2560) {
      $0.other = .wrapped(.lnTuning(LNTuning()), nil)
    },
    Case("LN tuning, checkpointed", 3_037_456, 9_437_192, trained: 2560) {
      $0.other = .wrapped(.lnTuning(LNTuning()), nil)
      $0.checkpoints = true
    },
    Case("prompt", 12_826_336, 15_636_416, trained: 10240, tolerance: vectors) {
      $0.other = .prompted(try VirtualTokens(kind: .prompt, count: 20), nil)
    },
    Case("prompt, checkpointed", 3_206_976, 9_657_448, trained: 10240, tolerance: vectors) {
      $0.other = .prompted(try VirtualTokens(kind: .prompt, count: 20), nil)
      $0.checkpoints = true
    },
    Case("p-tuning", 12_887_776, 15_697_856, trained: 158_464, tolerance: vectors) {
      $0.other = .prompted(try VirtualTokens(kind: .encoded(width: 128), count: 20), nil)
    },
    Case("p-tuning, checkpointed", 3_268_416, 9_718_888, trained: 158_464, tolerance: vectors) {
      $0.other = .prompted(try VirtualTokens(kind: .encoded(width: 128), count: 20), nil)
      $0.checkpoints = true
    },
    Case("prefix", 12_587_696, 15_579_216, trained: 20480, tolerance: vectors) {
      $0.other = .prompted(try VirtualTokens(kind: .prefix, count: 20), nil)
    },
    Case("VeRA", 18_214_416, 20_833_288, trained: 10624, tolerance: vectors) {
      $0.other = .wrapped(.vera(try VeRA(rank: 64, targets: .allLinear)), nil)
    },
    Case("VeRA, checkpointed", 2_709_776, 11_813_000, trained: 10624, tolerance: vectors) {
      $0.other = .wrapped(.vera(try VeRA(rank: 64, targets: .allLinear)), nil)
      $0.checkpoints = true
    },
    Case("VeRA, fp32", 25_013_776, 28_698_880, trained: 10624, tolerance: vectors) {
      $0.other = .wrapped(.vera(try VeRA(rank: 64, targets: .allLinear)), nil)
      $0.adapters = .fp32
    },
    Case("OFT", 16_723_472, 19_342_344, trained: 138_880, tolerance: vectors) {
      $0.other = .wrapped(.oft(try OFT(targets: .allLinear)), nil)
    },
    Case("OFT, checkpointed", 2_709_776, 10_910_728, trained: 138_880, tolerance: vectors) {
      $0.other = .wrapped(.oft(try OFT(targets: .allLinear)), nil)
      $0.checkpoints = true
    },
    Case("OFT, fp32", 27_274_768, 31_123_712, trained: 138_880, tolerance: vectors) {
      $0.other = .wrapped(.oft(try OFT(targets: .allLinear)), nil)
      $0.adapters = .fp32
    },
    Case("BOFT", 62_349_840, 70_535_424, trained: 45568, tolerance: solver) {
      $0.other = .wrapped(.boft(try BOFT(targets: .allLinear)), nil)
    },
    Case("BOFT, checkpointed", 2_709_776, 41_501_192, trained: 45568, tolerance: solver) {
      $0.other = .wrapped(.boft(try BOFT(targets: .allLinear)), nil)
      $0.checkpoints = true
    },
    Case("LoHa", 25_275_976, 29_431_616, trained: 299_008, tolerance: vectors) {
      $0.other = .wrapped(.loha(try LoHa(targets: .allLinear)), nil)
    },
    Case("LoHa, checkpointed", 2_709_776, 19_330_084, trained: 299_008, tolerance: vectors) {
      $0.other = .wrapped(.loha(try LoHa(targets: .allLinear)), nil)
      $0.checkpoints = true
    },
    // The bf16 gradient of a base's result, [320, 512], is let go a little earlier.
    Case("LoHa, fp32", 44_379_720, 53_759_808, trained: 299_008, tolerance: 330_000) {
      $0.other = .wrapped(.loha(try LoHa(targets: .allLinear)), nil)
      $0.adapters = .fp32
    },
    Case("LoKr", 25_305_104, 27_923_976, trained: 12352, tolerance: vectors) {
      $0.other = .wrapped(.lokr(try LoKr(targets: .allLinear)), nil)
    },
    Case("LoKr, checkpointed", 2_709_776, 16_430_344, trained: 12352, tolerance: vectors) {
      $0.other = .wrapped(.lokr(try LoKr(targets: .allLinear)), nil)
      $0.checkpoints = true
    },
    Case("LoKr, fp32", 44_438_032, 48_464_648, trained: 12352, tolerance: vectors) {
      $0.other = .wrapped(.lokr(try LoKr(targets: .allLinear)), nil)
      $0.adapters = .fp32
    },
    Case("AdaLoRA", 21_047_780, 24_107_044, trained: 224_424, tolerance: vectors) {
      $0.other = .wrapped(.adalora(try AdaLoRA(targets: .allLinear)), nil)
    },
    Case("AdaLoRA, checkpointed", 2_717_896, 13_690_926, trained: 224_424, tolerance: vectors) {
      $0.other = .wrapped(.adalora(try AdaLoRA(targets: .allLinear)), nil)
      $0.checkpoints = true
    },
    Case("BitFit", 11_415_056, 14_033_928, trained: 2048) {
      $0.other = .partial(.biases)
      $0.hasBias = true
    },
    Case("BitFit, checkpointed", 2_709_776, 8_780_808, trained: 2048) {
      $0.other = .partial(.biases)
      $0.hasBias = true
      $0.checkpoints = true
    },
  ]

  @Test(arguments: cases)
  func `a step holds what torch held`(_ example: Case) throws {
    var fixture = TorchFixture()
    try example.change(&fixture)
    let books = try fixture.books()
    #expect(abs(books.afterForward - example.afterForward) <= example.tolerance)
    #expect(abs(books.peak - example.peak) <= example.tolerance)
    let counts = ParameterCounts(of: try fixture.spec(), method: try fixture.recipe().method)
    #expect(counts.trainable == example.trained)
  }

  @Test(arguments: cases)
  func `everything that trains has a gradient, and the books are closed`(_ example: Case) throws {
    var fixture = TorchFixture()
    try example.change(&fixture)
    let journal = try fixture.walk().journal
    #expect(journal.stillOpen.allSatisfy { $0.opened == Moment(0) })
    let ledger = Ledger(posting: journal)
    let optimizer = try #require(ledger.clock["optimizer"])
    let gradients = ledger.entries.filter {
      $0.account == .gradients && $0.opened < optimizer && ($0.closed ?? optimizer) >= optimizer
    }
    // PEFT leaves AdaLoRA's 14 numbers of ranks training.
    let left = example.title.hasPrefix("AdaLoRA") ? 14 : 0
    #expect(gradients.reduce(0) { $0 + $1.shape.count } == example.trained + left)
  }
}
