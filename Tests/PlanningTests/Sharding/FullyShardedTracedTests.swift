import Bookkeeping
import Modeling
import Planning
import Testing

/// Steps that torch 2.15's FullyShardedDataParallel really ran on a CPU, two processes over gloo, rank 0's allocations
/// seen by the profiler (`profile_memory`), third step, SGD: bytes above those at the start of the step after forward,
/// and at most.
///
/// What gloo stages for itself inside a collective (opened and closed again in a row) was left out: NCCL has its own
/// buffers. Checkpoints keep the state of the CPU's random generator, 5056 bytes each, on the host: they ran with
/// `preserve_rng_state=False`, or it was taken off. A CPU's attention backward borrows nothing here. Tolerance: the loss
/// and its weight, 12 bytes.
@Suite struct `Fully sharded: traced steps` {
  struct Case: CustomTestStringConvertible, Sendable {
    let title: String
    let afterForward: Int?
    let peak: Int
    let change: @Sendable (inout TorchFixture) -> Void
    var testDescription: String { title }

    init(_ title: String, _ afterForward: Int?, _ peak: Int, _ change: @escaping @Sendable (inout TorchFixture) -> Void)
    {
      self.title = title
      self.afterForward = afterForward
      self.peak = peak
      self.change = change
    }
  }

  static let cases: [Case] = [
    Case("fp32, two layers", 33_880_848, 67_437_064) { $0.weights = .fp32 },
    Case("fp32, checkpointed", 9_609_488, 60_875_272) {
      $0.weights = .fp32
      $0.L = 3
      $0.checkpoints = true
    },
    Case("fp32, checkpointed, without prefetch", 9_609_488, 54_153_224) {
      $0.weights = .fp32
      $0.L = 3
      $0.checkpoints = true
      $0.settings.prefetchesBackward = false
    },
    Case("mixed precision, three layers", nil, 41_602_056) {
      $0.weights = .fp32
      $0.precision = .autocast
      $0.L = 3
    },
    Case("mixed precision reduced in fp32, checkpointed", nil, 39_289_360) {
      $0.weights = .fp32
      $0.precision = .autocast
      $0.L = 3
      $0.checkpoints = true
      $0.settings.reduceFormat = .fp32
    },
    Case("bf16, gradients kept whole over two micro-batches", nil, 47_615_496) {
      $0.L = 3
      $0.accumulation = 2
      $0.checkpoints = true
      $0.settings.keepsGradientsUnsharded = true
    },
    // The trace ran without autocast, whose fp32 copy of the logits stands at no peak here.
    Case("mixed precision, two layers", nil, 34_380_296) {
      $0.weights = .fp32
      $0.precision = .autocast
    },
  ]

  @Test(arguments: cases)
  func `a rank holds what torch held`(_ example: Case) throws {
    let books = try TorchFixture {
      $0.method = .full
      $0.devices = 2
      $0.sharding = .fsdp
      example.change(&$0)
    }.books()
    #expect(abs(books.peak - example.peak) <= 12, "\(books.ledger.clock.label(of: books.ledger.peak.moment))")
    if let afterForward = example.afterForward { #expect(abs(books.afterForward - afterForward) <= 12) }
  }

  /// DeepSpeed 0.19.8's stage 3 on a CPU, two processes over gloo: bf16, SGD, third step.
  ///
  /// `stage3_prefetch_bucket_size` 400 000, `reduce_bucket_size` 4 000 000, `stage3_max_reuse_distance` 1; what gloo stages
  /// and the states of the random generator are left out. The walk's peak is 0.6 % higher; why is not known.
  @Test func `DeepSpeed's third stage holds what it held`() throws {
    let books = try TorchFixture {
      $0.method = .full
      $0.L = 3
      $0.checkpoints = true
      $0.devices = 2
      $0.sharding = .zero3
      $0.settings.reduceBucketElements = 4_000_000
      $0.settings.prefetchBucketElements = 400_000
      $0.settings.maximumReuseDistance = 1
    }.books()
    #expect(abs(books.afterForward - 23_484_688) <= 12)
    #expect((0...200_000).contains(books.peak - 29_536_144))
  }

  @Test func `gathered copies don't change the books of a deep model`() throws {
    let fixture = TorchFixture {
      $0.method = .full
      $0.L = 9
      $0.devices = 4
      $0.sharding = .fsdp
      $0.checkpoints = true
    }
    let copied = Ledger(posting: try fixture.walk().journal)
    let whole = Ledger(
      posting: try TorchWalk.wholeJournal(fixture.spec(), fixture.recipe(), options: fixture.options).journal)
    #expect(copied.peak.bytes == whole.peak.bytes)
    #expect(copied.entries == whole.entries)
  }
}
