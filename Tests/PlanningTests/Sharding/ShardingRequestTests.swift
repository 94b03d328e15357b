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
    #expect(try Parallelism(devices: 1, sharding: sharding).devices == 1)
  }

  @Test func `settings that cannot be are refused`() {
    var settings = ShardingSettings()
    settings.reduceBucketElements = 0
    #expect(throws: RecipeError.self) { [settings] in
      try Parallelism(devices: 2, sharding: .zero2, settings: settings)
    }
    var offload = ShardingSettings()
    offload.offload = .optimizer
    #expect(throws: RecipeError.self) { [offload] in
      try Parallelism(devices: 2, sharding: .ddp, settings: offload)
    }
    var divided = ShardingSettings()
    divided.tensorParallelSize = 3
    #expect(throws: RecipeError.self) { [divided] in
      try Parallelism(devices: 4, sharding: .none, settings: divided)
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
    #expect(layer?.bytes.count == (2_949_120 / 2 + 2 * 512 * 2) / 2)
    let scales = entries.filter { $0.name.hasSuffix(".absmax") }
    #expect(scales.reduce(0) { $0 + $1.bytes.count } == 2 * 2_949_120 / 64 * 4)
  }
}
