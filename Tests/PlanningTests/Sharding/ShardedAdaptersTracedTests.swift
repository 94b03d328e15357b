import Bookkeeping
import Modeling
import Planning
import Testing

/// Steps with PEFT's adapters on all linear layers that torch 2.15's FullyShardedDataParallel really ran on a CPU, two
/// processes over gloo, as in `Fully sharded: traced steps`: three layers of transformers 5.23's Llama, PEFT 0.21's LoRA
/// of rank 16, bf16 weights, third step, SGD, checkpoints without the random generator's state.
///
/// Adapters are units of their own by PEFT's policy unless the title says otherwise. "Around" is torch's re-entrant
/// `checkpoint_wrapper` over the wrapped layer, as Transformers had it until 4.51; "inside" is the layer's own
/// checkpoint. Under mixed precision the forward pass ran in torch's autocast. Tolerance: the loss and its weight.
@Suite struct `Sharded adapters: traced steps` {
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let afterForward: Int
    let peak: Int
    let change: @Sendable (inout TorchFixture) -> Void

    init(_ title: String, _ afterForward: Int, _ peak: Int, _ change: @escaping @Sendable (inout TorchFixture) -> Void)
    {
      testDescription = title
      self.afterForward = afterForward
      self.peak = peak
      self.change = change
    }
  }

  private static func reenter(_ fixture: inout TorchFixture, around: Bool = false) {
    fixture.choices = {
      $0.reentersCheckpoints = true
      $0.checkpointsWrappedLayers = around
    }
  }

  static let cases: [Case] = [
    Case("re-entered around the unit", 5_135_632, 18_886_712) { reenter(&$0, around: true) },
    Case("re-entered around the unit, without prefetch", 5_135_632, 18_919_480) {
      reenter(&$0, around: true)
      $0.settings.prefetchesBackward = false
    },
    Case("re-entered around the unit, fp32 adapters", 5_135_632, 24_401_988) {
      reenter(&$0, around: true)
      $0.adapters = .fp32
    },
    Case("re-entered around the unit, fp32 adapters that FSDP ignores", 5_135_632, 25_000_004) {
      reenter(&$0, around: true)
      $0.adapters = .fp32
      $0.settings.adapterUnits = .whole
    },
    Case("re-entered around the unit, mixed precision", 5_135_632, 21_684_290) {
      reenter(&$0, around: true)
      $0.adapters = .fp32
      $0.precision = .autocast
    },
    Case("re-entered inside the unit", 5_135_632, 20_030_984) { reenter(&$0) },
    Case("re-entered inside the unit, without prefetch", 5_135_632, 18_182_200) {
      reenter(&$0)
      $0.settings.prefetchesBackward = false
    },
    Case("re-entered inside the unit, fp32 adapters", 5_135_632, 24_528_952) {
      reenter(&$0)
      $0.adapters = .fp32
    },
    Case("re-entered inside the unit, fp32 adapters that FSDP ignores", 5_135_632, 30_691_384) {
      reenter(&$0)
      $0.adapters = .fp32
      $0.settings.adapterUnits = .whole
    },
    Case("re-entered inside the unit, mixed precision", 5_135_632, 21_684_290) {
      reenter(&$0)
      $0.adapters = .fp32
      $0.precision = .autocast
    },
    Case("checkpointed inside the unit, without parameters' names", 5_135_800, 19_392_120) {
      $0.settings.usesOriginalParameters = false
    },
    Case("not checkpointed", 23_407_800, 31_926_960) { $0.checkpoints = false },
    Case("one unit with the layer's frozen weights", 5_135_800, 30_734_912) {
      $0.settings.adapterUnits = .withLayer
    },
    Case("one unit with the layer's frozen weights, gradients kept whole over two micro-batches", 5_135_800, 46_560_888)
    {
      $0.settings.adapterUnits = .withLayer
      $0.settings.keepsGradientsUnsharded = true
      $0.accumulation = 2
    },
  ]

  @Test(arguments: cases)
  func `a rank holds what torch held`(_ example: Case) throws {
    let books = try TorchFixture {
      $0.L = 3
      $0.checkpoints = true
      $0.devices = 2
      $0.sharding = .fsdp
      example.change(&$0)
    }.books()
    #expect(abs(books.peak - example.peak) <= 12, "\(books.ledger.clock.label(of: books.ledger.peak.moment))")
    #expect(abs(books.afterForward - example.afterForward) <= 12)
  }

  @Test(arguments: [false, true], ShardingSettings.AdapterUnits.allCases)
  func `a deep model's books are copied right`(around: Bool, units: ShardingSettings.AdapterUnits) throws {
    let fixture = TorchFixture {
      $0.L = 9
      $0.devices = 4
      $0.sharding = .fsdp
      $0.checkpoints = true
      $0.settings.adapterUnits = units
      Self.reenter(&$0, around: around)
    }
    #expect(try TorchWalk.isCopied(fixture.spec(), fixture.recipe(), options: fixture.options))
    let copied = Ledger(posting: try fixture.walk().journal)
    let whole = Ledger(
      posting: try TorchWalk.wholeJournal(fixture.spec(), fixture.recipe(), options: fixture.options).journal)
    #expect(copied.entries == whole.entries)
    #expect(copied.timeline.last?.end == copied.timeline.first?.end)
  }
}
