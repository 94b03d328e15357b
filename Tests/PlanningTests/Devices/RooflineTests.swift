import Bookkeeping
import Modeling
import Planning
import Testing

@Suite struct RooflineTests {
  /// A plan with the engine's books under a recipe of another stack: the roofline looks at work and recipe only.
  private func plan(_ device: Device?, _ change: (inout RecipeRequest) -> Void = { _ in }) throws -> Plan {
    let spec = try Models.llama2Seven()
    let engine = try Models.plan(spec, .lora, sequence: 1024)
    let resolved = try Models.recipe(spec, .lora, sequence: 1024) {
      $0.stack = .transformers
      change(&$0)
    }
    return Plan(
      spec: spec, recipe: resolved.recipe, assumptions: [], journal: engine.journal, ledger: engine.ledger,
      work: StepWork.sheet(spec, resolved.recipe), parameters: engine.parameters, allocated: engine.allocated,
      reserved: engine.reserved, device: engine.device, target: device)
  }

  @Test func `without a device, and for the engine, no speed is named`() throws {
    #expect(try plan(nil).throughput == nil)
    let spec = try Models.tiny()
    let engine = try Planner.plan(spec, Models.recipe(spec, .lora), device: DeviceCatalog.named("a100-80gb"))
    #expect(engine.throughput == nil)
  }

  @Test func `LoRA on 7B runs at a third to two thirds of an A100's peak`() throws {
    let device = try #require(DeviceCatalog.named("a100-80gb"))
    let roofline = try #require(try plan(device).throughput)
    #expect(roofline.low < roofline.expected && roofline.expected < roofline.high)
    // 4·P·T of 6.6·10^9 weights at half of 312·10^12 is 5900 tokens a second; attention and adapters take some of it.
    #expect((5000...5900).contains(roofline.expected))
  }

  @Test func `bf16 without units for it runs at the rate of fp32`() throws {
    let device = try #require(DeviceCatalog.named("t4"))
    let bf16 = try #require(try plan(device).throughput)
    let fp16 = try #require(try plan(device) { $0.weightFormat = .fp16 }.throughput)
    #expect(fp16.expected > 4 * bf16.expected)
  }

  @Test func `dequantization costs time`() throws {
    let device = try #require(DeviceCatalog.named("l4"))
    let spec = try Models.llama2Seven()
    let plain = try plan(device)
    let quantized = try Models.recipe(spec, .qlora, sequence: 1024) { $0.stack = .transformers }.recipe
    let slower = Plan(
      spec: spec, recipe: quantized, assumptions: [], journal: plain.journal, ledger: plain.ledger,
      work: StepWork.sheet(spec, quantized), parameters: plain.parameters, allocated: plain.allocated,
      reserved: plain.reserved, device: plain.device, target: device)
    let rates = try (#require(slower.throughput), #require(plain.throughput))
    #expect(rates.0.expected < rates.1.expected)
  }
}
