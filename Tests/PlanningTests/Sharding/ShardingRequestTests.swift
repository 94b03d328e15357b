import Bookkeeping
import Modeling
import Planning
import Testing

@Suite struct `Sharding: recipes` {
  @Test func `several GPUs are data parallel unless told otherwise`() throws {
    var request = RecipeRequest()
    request.devices = 4
    let resolved = try request.resolved(for: TorchFixture().spec())
    #expect(resolved.recipe.parallelism.sharding == .ddp)
    #expect(resolved.assumptions.contains { $0.hasPrefix("sharding: ddp") })
  }

  @Test(arguments: [Sharding.ddp, .fsdp])
  func `one GPU shares with nobody`(sharding: Sharding) {
    #expect(throws: RecipeError.self) { try Parallelism(devices: 1, sharding: sharding) }
  }

  @Test(arguments: [Sharding.zero1, .zero2, .zero3])
  func `one GPU may run DeepSpeed`(sharding: Sharding) throws {
    let parallelism = try Parallelism(devices: 1, sharding: sharding)
    #expect(parallelism.devices == 1)
  }

  /// A parallelism of which one setting cannot be.
  struct Refused: Sendable {
    let devices: Int
    let sharding: Sharding
    let change: @Sendable (inout ShardingSettings) -> Void
  }

  @Test(arguments: [
    Refused(devices: 2, sharding: .zero2) { $0.reduceBucketElements = 0 },
    Refused(devices: 2, sharding: .ddp) { $0.offload = .optimizer },
    Refused(devices: 4, sharding: .none) { $0.tensorParallelSize = 3 },
    Refused(devices: 2, sharding: .fsdp) { $0.usesSequenceParallel = true },
    Refused(devices: 2, sharding: .fsdp) { $0.reduceFormat = .int8 },
  ])
  func `settings that cannot be are refused`(example: Refused) {
    #expect(throws: RecipeError.self) {
      var settings = ShardingSettings()
      example.change(&settings)
      _ = try Parallelism(devices: example.devices, sharding: example.sharding, settings: settings)
    }
  }

  @Test func `an int8 base is not in shards`() throws {
    let fixture = TorchFixture {
      $0.method = .int8
      $0.devices = 2
      $0.sharding = .fsdp
    }
    #expect(throws: PlanError.self) { try fixture.walk() }
  }

  @Test func `quantized codes are in shards and their scales are not`() throws {
    let fixture = TorchFixture {
      $0.method = .nf4
      $0.stack = .trl
      $0.devices = 2
      $0.checkpoints = true
      $0.sharding = .fsdp
    }
    let entries = try fixture.walk().journal.entries
    let layer = entries.first { $0.name == "layers.0.flat_parameter" }
    // A layer has 2 949 120 quantized weights, half a byte each, and two norms of 512 in bf16; half of that is here.
    let weights = 2_949_120
    let shard: Int = (weights / 2 + 2048) / 2
    #expect(layer?.bytes == Bytes(shard))
    let constants: Int = entries.filter { $0.name.hasSuffix(".absmax") }.map(\.bytes.count).reduce(0, +)
    let expected: Int = 2 * weights / 16
    #expect(constants == expected)
  }
}
