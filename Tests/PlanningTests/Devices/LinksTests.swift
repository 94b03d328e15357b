import Bookkeeping
import Modeling
import Planning
import Testing

@Suite struct `Links between devices` {
  private static func device(_ name: String) throws -> Device { try #require(DeviceCatalog.named(name)) }

  /// PCIe as its specification has it, NVLink as NVIDIA's data sheets do.
  ///
  /// 15.75 GB/s each way on 16 lanes of generation 3, and twice as much in each later one; 600 and 900 GB/s of NVLink are
  /// both ways together.
  @Test(
    arguments: [
      ("t4", 15.754, nil), ("rtx-4060", 15.754, nil), ("rtx-4090", 31.508, nil), ("rtx-3090", 31.508, 56.25),
      ("a100-80gb", 31.508, 300), ("h100", 63.015, 450), ("b200", 63.015, 900), ("gh200", 450, nil),
    ] as [(String, Double, Double?)])
  func `have the rates of data sheets, each way`(name: String, host: Double, peers: Double?) throws {
    let links = try Self.device(name).links
    #expect(abs(links.host.bandwidth - host) < 0.001)
    #expect(links.peers?.bandwidth == peers)
  }

  @Test func `are never faster than the memory of the device`() {
    for device in DeviceCatalog.all {
      #expect(device.links.host.bandwidth < device.bandwidth, "\(device.name)")
      #expect((device.links.peers?.bandwidth ?? 0) < device.bandwidth)
      #expect((2...HostNode.devices).contains(device.links.peers?.reach ?? 2))
    }
  }

  /// Of a buffer of 840 bytes a ring of n sends 2 (n − 1)/n in an all-reduce, half as much in either phase of it.
  @Test(arguments: [(1, 0.0), (2, 840), (4, 1260), (7, 1440), (8, 1470)])
  func `carry what a ring sends`(count: Int, bytes: Double) throws {
    let ring = Ring(count, of: try Self.device("a100-80gb"))
    #expect(abs(ring.allReduced(840) - bytes) < 1e-9)
    #expect(abs(ring.divided(840) - bytes / 2) < 1e-9)
    #expect(abs(ring.seconds(sending: 249e9) - 1) < 1e-9)
  }

  /// A bridge joins two, a board eight; beyond a node its adapters decide, where they are slower.
  @Test(arguments: [
    ("rtx-3090", 2, 56.25), ("rtx-3090", 4, 31.508), ("rtx-4090", 8, 31.508), ("rtx-4090", 16, 25),
    ("a100-80gb", 8, 300), ("a100-80gb", 16, 200), ("v100-32gb", 16, 150), ("h100", 64, 200), ("t4", 64, 15.754),
  ])
  func `are as fast as the slowest of a ring`(name: String, count: Int, bandwidth: Double) throws {
    #expect(abs(Ring(count, of: try Self.device(name)).bandwidth - bandwidth) < 0.001)
  }
}

@Suite struct `What devices send each other` {
  private static func roofline(
    _ sharding: Sharding, on card: String = "a100-80gb", gpus: Int, sequence: Int = 1024, accumulation: Int = 1,
    _ change: (inout ShardingSettings) -> Void = { _ in }
  ) throws -> Roofline {
    let spec = try Models.llama2Seven()
    let device = try #require(DeviceCatalog.named(card))
    let resolved = try Models.recipe(spec, .full, sequence: sequence) {
      $0.stack = .transformers
      $0.weightFormat = .bf16
      $0.attention = .flash
      $0.accumulation = accumulation
      $0.devices = gpus
      $0.sharding = sharding
      var settings = ShardingSettings()
      change(&settings)
      $0.shardingSettings = settings
    }
    return try #require(Planner.plan(spec, resolved, device: device).throughput)
  }

  /// Two sums of a stream forward and two backward a layer, as Korthikanti and others count them.
  ///
  /// Where tokens are divided, what was kept is gathered once more for the gradients of weights (arXiv 2205.05198, 4.2).
  @Test(arguments: [false, true])
  func `GPUs that divide products sum up streams`(dividesTokens: Bool) throws {
    let spec = try #require(Presets.named("llama-2-7b")).spec
    var request = RecipeRequest()
    request.stack = .megatron
    request.method = .full
    request.sequence = 1024
    request.devices = 8
    request.usesGradientCheckpointing = false
    var settings = ShardingSettings()
    settings.tensorParallelSize = 8
    settings.usesSequenceParallel = dividesTokens
    request.shardingSettings = settings
    let recipe = try request.resolved(for: spec).recipe
    let device = try #require(DeviceCatalog.named("a100-80gb"))
    let roofline = try #require(Planner.speed(spec, recipe, on: device))
    let items = roofline.time.sending.items
    let stream = 1024.0 * 4096 * 2
    let waited = try #require(items.first { $0.what == .dividedProducts && !$0.isHidden })
    let hidden = try #require(items.first { $0.what == .dividedProducts && $0.isHidden })
    #expect(abs(waited.bytes / ((2 * 32 + 1) * stream * 2 * 7 / 8) - 1) < 1e-9)
    let again = dividesTokens ? (2 * 32 + 1) * stream * 7 / 8 : 0
    #expect(abs(hidden.bytes / ((2 * 32 + 1) * stream * 2 * 7 / 8 + again) - 1) < 1e-9)
    #expect(roofline.waiting > 0)
  }

  /// Bytes by what is sent, once a step or once a micro-batch.
  private static func bytes(_ roofline: Roofline, _ what: StepSending.Item.What) -> Double? {
    roofline.time.sending.items.first { $0.what == what }?.bytes
  }

  /// 6.738 billion weights of Llama-2-7B.
  private static let parameters = 6_738_415_616.0

  @Test func `is nothing of one device alone`() throws {
    let alone = try Self.roofline(.none, gpus: 1)
    #expect(alone.time.sending.items.isEmpty && alone.waiting == 0)
    #expect(alone.assumptions.count == 3)
  }

  /// Gradients in bf16: 2 · 7/8 of two bytes a weight.
  @Test func `is all gradients once under DDP, beside the last micro-batch`() throws {
    let four = try Self.roofline(.ddp, gpus: 8, accumulation: 4)
    #expect(Self.bytes(four, .gradients) == 2 * 2 * Self.parameters * 7 / 8)
    #expect(four.time.sending.items.allSatisfy { $0.isOnce && $0.isHidden } && four.time.sending.items.count == 1)
    // 23.6 GB at 249 GB/s are 0.095 s, and 4,096 tokens of forward and backward take longer.
    #expect(try Self.roofline(.ddp, gpus: 8, sequence: 4096).waiting == 0)
    let short = try Self.roofline(.ddp, gpus: 8, sequence: 64)
    let item = try #require(short.time.sending.items.first)
    #expect(short.waiting > 0 && short.waiting < item.seconds)
    #expect(abs(item.seconds - 23.584 / 249) < 1e-3)
    // Over PCIe the same bytes take ten times as long.
    let slow = try Self.roofline(.ddp, on: "rtx-4090", gpus: 8, sequence: 64)
    #expect(abs(try #require(slow.time.sending.items.first).seconds / item.seconds - 300 / 31.508) < 1e-3)
    #expect(slow.bound == .links)
  }

  /// A layer's weights are gathered in forward and again in backward, those of the root (embedding, norm, head) stay.
  @Test func `is weights twice and gradients once under FSDP, in every micro-batch`() throws {
    let roofline = try Self.roofline(.fsdp, gpus: 4, accumulation: 2)
    let spec = try Models.llama2Seven()
    let root = Double(spec.vocabularySize * spec.hiddenSize * 2 + spec.hiddenSize)
    let gathered = 2 * (2 * (Self.parameters - root) + root) * 3 / 4
    #expect(abs(try #require(Self.bytes(roofline, .gatheredWeights)) / gathered - 1) < 1e-3)
    #expect(abs(try #require(Self.bytes(roofline, .gradients)) / (2 * Self.parameters * 3 / 4) - 1) < 1e-3)
    #expect(roofline.time.sending.items.allSatisfy { !$0.isOnce && $0.isHidden })
  }

  /// deepspeed/runtime/zero: stage 1 reduces once a step, stage 2 after every micro-batch; `overlap_comm` is off for both.
  @Test func `is gradients and updated weights under ZeRO-1 and 2, while nothing is computed`() throws {
    let (one, two) = (
      try Self.roofline(.zero1, gpus: 8, accumulation: 2), try Self.roofline(.zero2, gpus: 8, accumulation: 2)
    )
    for roofline in [one, two] {
      #expect(Self.bytes(roofline, .gradients) == 2 * 2 * Self.parameters * 7 / 8)
      #expect(Self.bytes(roofline, .gatheredWeights) == 2 * Self.parameters * 7 / 8)
      #expect(roofline.time.sending.items.allSatisfy { !$0.isHidden })
    }
    #expect(two.waiting / one.waiting > 1.6 && two.waiting / one.waiting < 1.7)
    let overlapped = try Self.roofline(.zero2, gpus: 8, accumulation: 2) { $0.overlapsCommunication = true }
    #expect(overlapped.waiting < two.waiting)
  }

  @Test func `is what a micro-batch gathers under ZeRO-3, small parameters left out`() throws {
    let roofline = try Self.roofline(.zero3, gpus: 8)
    let gathered = try #require(Self.bytes(roofline, .gatheredWeights))
    // Twice or three times all weights, of which a GPU has an eighth: recomputation may find them still there.
    #expect(gathered > 1.8 * 2 * Self.parameters * 7 / 8 && gathered < 3.01 * 2 * Self.parameters * 7 / 8)
  }

  /// 1/8 of two bytes a weight goes to the host, and comes back after the update.
  @Test func `goes to the host and back where that updates`() throws {
    let roofline = try Self.roofline(.zero2, gpus: 8) { $0.offload = .optimizer }
    #expect(Self.bytes(roofline, .toHost) == 2 * Self.parameters / 8)
    #expect(Self.bytes(roofline, .updatedWeights) == 2 * Self.parameters / 8)
    let item = try #require(roofline.time.sending.items.first { $0.what == .toHost })
    #expect(abs(item.seconds - 2 * Self.parameters / 8 / (31.508e9 * 0.83)) < 1e-4)
    let alone = try Self.roofline(.zero2, gpus: 1) { $0.offload = .optimizer }
    #expect(alone.time.sending.items.map(\.what) == [.toHost, .updatedWeights])
    let all = try Self.roofline(.fsdp, gpus: 8) { $0.offload = .all }
    #expect(try #require(Self.bytes(all, .fromHost)) > 2 * Self.parameters / 8)
  }

  /// The shallow models of a search tell the deep one's.
  @Test(arguments: [Sharding.ddp, .fsdp, .zero2, .zero3])
  func `is in a search what it is in a plan`(sharding: Sharding) throws {
    let planned = try Self.roofline(sharding, gpus: 4)
    let spec = try Models.llama2Seven()
    let recipe = try Models.recipe(spec, .full, sequence: 1024) {
      $0.stack = .transformers
      $0.weightFormat = .bf16
      $0.attention = .flash
      $0.devices = 4
      $0.sharding = sharding
    }.recipe
    let device = try #require(DeviceCatalog.named("a100-80gb"))
    let searched = try #require(Planner.speed(spec, recipe, on: device))
    #expect(abs(searched.expected / planned.expected - 1) < 0.01)
  }

  @Test func `makes steps longer, never shorter, and more so over slower links`() throws {
    for sharding in [Sharding.ddp, .zero1, .zero2, .zero3, .fsdp] {
      let (near, far) = (
        try Self.roofline(sharding, gpus: 8, sequence: 256), try Self.roofline(sharding, gpus: 64, sequence: 256)
      )
      #expect(near.waiting >= 0 && far.seconds.expected > near.seconds.expected, "\(sharding)")
      #expect(near.seconds.low <= near.seconds.expected && near.seconds.expected <= near.seconds.high)
    }
  }
}
