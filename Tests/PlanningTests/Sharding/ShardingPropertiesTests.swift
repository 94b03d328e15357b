import Bookkeeping
import Modeling
import Planning
import Testing

/// What must hold of every sharding, whatever the model.
@Suite struct `Sharding: what must hold` {
  private func ledger(_ devices: Int, _ sharding: Sharding, _ change: (inout TorchFixture) -> Void = { _ in }) throws
    -> Ledger
  {
    try TorchFixture {
      $0.method = .full
      $0.checkpoints = true
      $0.devices = devices
      $0.sharding = sharding
      $0.settings.reduceBucketElements = 1_000_000
      $0.settings.prefetchBucketElements = 400_000
      $0.settings.maximumReuseDistance = 1
      change(&$0)
    }.books().ledger
  }

  private func bytes(_ account: Account, of ledger: Ledger) -> Int {
    ledger.timeline[0].highByAccount[account]?.count ?? 0
  }

  @Test(arguments: [Sharding.fsdp, .zero1, .zero2, .zero3], [false, true])
  func `more GPUs never take more of each`(sharding: Sharding, checkpoints: Bool) throws {
    var last = Bytes(Int.max / 2)
    for devices in [2, 3, 4, 8, 16] {
      let peak = try ledger(devices, sharding) { $0.checkpoints = checkpoints }.peak.bytes
      // Padding to a multiple of the GPUs costs a little.
      #expect(peak.count <= last.count + 64 * devices, "\(devices) GPUs")
      last = peak
    }
  }

  @Test(arguments: [Sharding.fsdp, .zero1, .zero2, .zero3], [2, 4, 7])
  func `states are one Nth up to padding and step counters`(sharding: Sharding, devices: Int) throws {
    let spec = try TorchFixture().spec()
    let states = bytes(.optimizerState, of: try ledger(devices, sharding))
    // FSDP keeps two moments in the weights' bf16, DeepSpeed two and the weights in fp32.
    let perParameter = sharding == .fsdp ? 4 : 12
    let share = perParameter * spec.parameterCount / devices
    #expect(states >= share)
    #expect(states <= share + 2048)
  }

  @Test func `data parallelism adds a copy of every gradient`() throws {
    let single = try ledger(1, .none)
    let parallel = try ledger(4, .ddp)
    let gradients = 2 * (try TorchFixture().spec()).parameterCount
    #expect(parallel.peak.bytes.count == single.peak.bytes.count + gradients)
  }

  @Test func `gradients that are views of buckets are there once`() throws {
    let copied = try ledger(4, .ddp)
    let viewed = try ledger(4, .ddp) { $0.settings.viewsGradientsInBuckets = true }
    #expect(viewed.peak.bytes < copied.peak.bytes)
    #expect(bytes(.gradients, of: viewed) == bytes(.gradients, of: copied))
  }

  @Test func `buckets close at one and at twenty-five MiB`() throws {
    let sizes = try ledger(2, .ddp).entries.filter { $0.name.hasPrefix("ddp.bucket") }.map(\.bytes)
    #expect(sizes.count > 1)
    #expect(sizes.dropLast().allSatisfy { $0 >= Bytes(1 << 20) })
    // Head and embedding are 1 MiB each, layers 5.6 MiB: the first bucket is the head with the last norm.
    #expect(sizes.first == Bytes(1_048_576))
  }

  @Test func `weights on the host leave only what is gathered`() throws {
    let here = try ledger(2, .fsdp)
    let away = try ledger(2, .fsdp) { $0.settings.offload = .parameters }
    #expect(bytes(.weights, of: away) == 0)
    #expect(bytes(.optimizerState, of: away) == 0)
    #expect(away.peak.bytes < here.peak.bytes)
  }

  @Test func `gradients kept whole are as many as the weights`() throws {
    let kept = try ledger(2, .fsdp) {
      $0.accumulation = 2
      $0.settings.keepsGradientsUnsharded = true
    }
    let reduced = try ledger(2, .fsdp) { $0.accumulation = 2 }
    let parameters = try TorchFixture().spec().parameterCount
    #expect(kept.peak.bytes.count > reduced.peak.bytes.count + parameters / 2)
  }

  @Test(arguments: [Sharding.zero1, .zero2, .zero3])
  func `DeepSpeed runs on one GPU`(sharding: Sharding) throws {
    let books = try ledger(1, sharding)
    let parameters = try TorchFixture().spec().parameterCount
    // bf16 weights, fp32 weights and two fp32 moments.
    #expect(bytes(.optimizerState, of: books) >= 12 * parameters)
    #expect(bytes(.weights, of: books) >= 2 * parameters)
  }

  @Test func `a bucket is as large as it was said to be`() throws {
    let small = try ledger(1, .zero2) { $0.settings.reduceBucketElements = 4_000_000 }
    let buckets = small.entries.filter { $0.name == "zero.bucket.0" }
    #expect(buckets.map(\.bytes) == [Bytes(8_000_000)])
    let doubled = try ledger(1, .zero2) { $0.settings.overlapsCommunication = true }
    #expect(doubled.entries.contains { $0.name == "zero.bucket.1" })
  }

  @Test(arguments: [Sharding.ddp, .fsdp, .zero1, .zero2, .zero3])
  func `nothing but what is resident is left`(sharding: Sharding) throws {
    let fixture = TorchFixture {
      $0.devices = 2
      $0.sharding = sharding
      $0.checkpoints = true
      $0.settings.reduceBucketElements = 1_000_000
    }
    let ledger = Ledger(posting: try fixture.walk().journal)
    #expect(ledger.timeline.last?.end == ledger.timeline.first?.end)
  }
}
