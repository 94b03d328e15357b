import Bookkeeping
import Modeling
import Planning
import Testing

/// Steps with PEFT's adapters on all linear layers that torch 2.15's FullyShardedDataParallel really ran on a CPU, two
/// processes over gloo, rank 0's allocations seen by the profiler (`profile_memory`), third step: three layers of
/// transformers 5.23's Llama, PEFT 0.21's LoRA of rank 16, bf16 weights, SGD, checkpoints without the random generator's
/// state.
///
/// Adapters are units of their own by PEFT's policy unless the title says otherwise. "Around" is torch's re-entrant
/// `checkpoint_wrapper` over the wrapped layer, as Transformers had it until 4.51; "inside" is the layer's own
/// checkpoint. Under mixed precision the forward pass ran in torch's autocast. What gloo stages, what a CPU's products
/// pack and what its sums of two formats cast for themselves were left out, by their addresses.
@Suite struct `Sharded adapters: traced steps` {
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let afterForward: Int?
    let peak: Int
    let change: @Sendable (inout TorchFixture) -> Void

    init(_ title: String, _ afterForward: Int?, _ peak: Int, _ change: @escaping @Sendable (inout TorchFixture) -> Void)
    {
      testDescription = title
      self.afterForward = afterForward
      self.peak = peak
      self.change = change
    }
  }

  /// The loss and its weight, and a factor of 8 bytes that each of the 21 adapters' scalings keeps on the host.
  static let tolerance = 12 + 21 * 8

  private static func reenter(_ fixture: inout TorchFixture, around: Bool = false) {
    fixture.choices = {
      $0.reentersCheckpoints = true
      $0.checkpointsWrappedLayers = around
    }
  }

  static let cases: [Case] = [
    Case("re-entered around the unit", 5_135_632, 18_853_944) { reenter(&$0, around: true) },
    Case("re-entered around the unit, without prefetch", 5_135_632, 18_808_888) {
      reenter(&$0, around: true)
      $0.settings.prefetchesBackward = false
    },
    Case("re-entered around the unit, fp32 adapters", 5_135_632, 24_401_984) {
      reenter(&$0, around: true)
      $0.adapters = .fp32
    },
    Case("re-entered around the unit, fp32 adapters that FSDP ignores", 5_135_632, 25_000_000) {
      reenter(&$0, around: true)
      $0.adapters = .fp32
      $0.settings.adapterUnits = .whole
    },
    Case("re-entered around the unit, mixed precision", 5_135_632, 22_609_984) {
      reenter(&$0, around: true)
      $0.adapters = .fp32
      $0.precision = .autocast
    },
    Case("re-entered inside the unit", 5_135_632, 20_030_984) { reenter(&$0) },
    Case("re-entered inside the unit, without prefetch", 5_135_632, 18_182_200) {
      reenter(&$0)
      $0.settings.prefetchesBackward = false
    },
    Case("re-entered inside the unit, fp32 adapters", 5_135_632, 23_476_288) {
      reenter(&$0)
      $0.adapters = .fp32
    },
    Case("re-entered inside the unit, fp32 adapters that FSDP ignores", 5_135_632, 29_646_912) {
      reenter(&$0)
      $0.adapters = .fp32
      $0.settings.adapterUnits = .whole
    },
    Case("re-entered inside the unit, mixed precision", 5_135_632, 21_684_288) {
      reenter(&$0)
      $0.adapters = .fp32
      $0.precision = .autocast
    },
    Case("checkpointed inside the unit", 5_135_800, 19_375_736) { _ in },
    Case("not checkpointed", 23_407_800, 31_926_960) { $0.checkpoints = false },
    Case("one unit with the layer's frozen weights", 5_135_800, 30_734_912) {
      $0.settings.adapterUnits = .withLayer
    },
    Case("one unit with the layer's frozen weights, gradients kept whole over two micro-batches", nil, 46_560_888) {
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
    let label = books.ledger.clock.label(of: books.ledger.peak.moment)
    #expect(abs(books.peak - example.peak) <= Self.tolerance, "\(books.peak - example.peak) at \(label)")
    if let afterForward = example.afterForward {
      #expect(abs(books.afterForward - afterForward) <= Self.tolerance)
    }
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
