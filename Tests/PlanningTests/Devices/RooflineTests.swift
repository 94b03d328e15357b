import Bookkeeping
import Modeling
import Planning
import Testing

@Suite struct RooflineTests {
  private func plan(
    _ device: String?, _ method: Method.Name = .lora, sequence: Int = 1024,
    _ change: (inout RecipeRequest) -> Void = { _ in }
  ) throws -> Plan {
    let spec = try Models.llama2Seven()
    let resolved = try Models.recipe(spec, method, sequence: sequence) {
      $0.stack = .transformers
      $0.weightFormat = .bf16
      $0.attention = .flash
      change(&$0)
    }
    return try Planner.plan(
      spec, resolved, device: try device.map { try #require(DeviceCatalog.named($0)) })
  }

  private func speed(
    _ device: String, _ method: Method.Name = .lora, sequence: Int = 1024,
    _ change: (inout RecipeRequest) -> Void = { _ in }
  ) throws -> Roofline {
    try #require(try plan(device, method, sequence: sequence, change).throughput)
  }

  @Test func `without a device, and for the engine, no speed is named`() throws {
    #expect(try plan(nil).throughput == nil)
    let spec = try Models.tiny()
    let engine = try Planner.plan(spec, Models.recipe(spec, .lora), device: DeviceCatalog.named("a100-80gb"))
    #expect(engine.throughput == nil)
  }

  @Test func `LoRA on 7B takes longer than its products alone`() throws {
    let roofline = try speed("a100-80gb", sequence: 4096)
    #expect(roofline.low < roofline.expected && roofline.expected < roofline.high)
    // With checkpoints three forwards' worth, 6·P·T of 6.6·10^9 weights, at the best share of 312·10^12: 6,800 tokens a
    // second if nothing but products took time. Everything between them takes a quarter to a half of the step.
    #expect((3000...5500).contains(roofline.expected))
    #expect(roofline.high < 6800)
  }

  @Test func `bf16 without units for it runs at the rate of fp32`() throws {
    let bf16 = try speed("t4")
    let fp16 = try speed("t4") { $0.weightFormat = .fp16 }
    #expect(fp16.expected > 2 * bf16.expected)
  }

  @Test func `dequantization costs time`() throws {
    #expect(try speed("l4", .qlora).expected < speed("l4").expected)
  }

  @Test func `scores that are written out cost time`() throws {
    let eager = try speed("a100-80gb", sequence: 4096) { $0.attention = .eager }
    #expect(try eager.expected < 0.8 * speed("a100-80gb", sequence: 4096).expected)
  }

  /// Kernels of 64 tokens are shorter than the time it takes to ask for them.
  @Test func `short sequences wait for the host`() throws {
    let short = try speed("h100", sequence: 64)
    #expect(short.expected == short.high)
    #expect(try short.expected < 0.3 * speed("h100", sequence: 4096).expected)
  }

  @Test func `micro-batches that add up to a step change speed by the optimizer's share only`() throws {
    let one = try speed("a100-80gb", .full)
    let eight = try speed("a100-80gb", .full) { $0.accumulation = 8 }
    #expect(eight.expected > one.expected)
    #expect(eight.expected < 1.5 * one.expected)
  }
}

@Suite struct `The time of a step` {
  private func plan(_ device: String, _ method: Method.Name = .qlora, sequence: Int = 1024) throws -> Plan {
    let spec = try Models.llama2Seven()
    let resolved = try Models.recipe(spec, method, sequence: sequence) {
      $0.stack = .transformers
      $0.weightFormat = .fp16
      $0.attention = .flash
    }
    let card = try #require(DeviceCatalog.named(device))
    return try Planner.plan(spec, resolved, device: card)
  }

  @Test func `is tokens over tokens a second, its parts add up, and the longer of device and host decides`() throws {
    let roofline = try #require(try plan("rtx-4090").throughput)
    #expect(abs(roofline.seconds.expected * roofline.expected - 1024) < 1e-6)
    #expect(abs(roofline.seconds.low * roofline.high - 1024) < 1e-6)
    let parts = roofline.parts
    let device = parts.products + parts.fusedAttention + parts.traffic
    #expect(abs(max(device, parts.host) - roofline.seconds.expected) < 1e-9)
  }

  @Test func `is bound by products, by bytes on slow memory, or by the host where sequences are short`() throws {
    #expect(try plan("a100-80gb", .lora, sequence: 4096).throughput?.bound == .products)
    #expect(try plan("t4").throughput?.bound == .bytes)
    #expect(try plan("h100", sequence: 64).throughput?.bound == .host)
  }

  // A 4-bit weight is made whole three times with checkpoints: forward, again, and for the input's gradient. Each time
  // 2 bytes a weight are written and read, and some more for the scales.
  @Test func `has the bytes of dequantized weights apart, and of the optimizer`() throws {
    let traffic = try #require(try plan("t4").stepTime?.traffic)
    let weights = 32.0 * Double(4 * 4096 * 4096 + 3 * 4096 * 11008)
    #expect((12 * weights...12.5 * weights).contains(traffic.dequantization))
    #expect(try #require(try plan("t4", .lora).stepTime?.traffic).dequantization == 0)
    // A gradient, a parameter twice and two moments twice, in fp32: 28 bytes a trained parameter, and what clipping
    // and the optimizer open besides.
    let trainable = Double(try plan("t4").parameters.trainable)
    #expect(traffic.optimizer >= 28 * trainable && traffic.optimizer < 60 * trainable)
  }

  /// The T4 promises 585 of 1590 MHz at its 70 W, and rates are counted at the boost clock.
  @Test func `is at most that of the base clock`() throws {
    let t4 = try #require(try plan("t4").throughput)
    #expect(t4.assumptions.contains { $0.contains("585 MHz of 1590") })
    let parts = t4.time.whole
    let least =
      parts.products / (0.75 * 585 / 1590) + parts.fusedAttention / (0.5 * 585 / 1590) + parts.traffic / 0.6
    #expect(abs(1024 / least - t4.low) < 1e-6)
  }
}
