import Bookkeeping
import Modeling
import Planning
import Testing

// Llama-2-7B: H = 4096, I = 11008, V = 32000, 32 layers. A layer's linear weights are 4·H² + 3·H·I = 202,375,168, all
// layers' 6,476,005,376, the head's 131,072,000: 6,607,077,376 weights are multiplied with, of 6,738,415,616 in all.

@Suite struct StepWorkTests {
  static let tokens = 1024
  static let multiplied = 6_476_005_376 + 131_072_000

  private func sheet(
    _ method: Method.Name, _ change: (inout RecipeRequest) -> Void = { _ in }
  ) throws -> WorkSheet {
    let spec = try Models.llama2Seven()
    return StepWork.sheet(spec, try Models.recipe(spec, method, sequence: StepWorkTests.tokens, change).recipe)
  }

  private func products(_ sheet: WorkSheet, _ phase: WorkSheet.Phase, attention: Bool = false) -> Int {
    sheet.lines.filter { $0.isMatrixProduct && $0.phase == phase && ($0.operation == "attention") == attention }
      .reduce(0) { $0 + $1.flops.count }
  }

  @Test func `forward multiplies every weight but the table with every token`() throws {
    let sheet = try sheet(.full)
    #expect(products(sheet, .forward) == 2 * StepWorkTests.tokens * StepWorkTests.multiplied)
    // The causal half of 1024² scores, diagonal included, two products of 2·4096 each, 32 layers.
    #expect(products(sheet, .forward, attention: true) == 32 * 2 * 2 * 4096 * 524_800)
  }

  @Test func `full fine-tuning's products are three times its forward's`() throws {
    let sheet = try sheet(.full)
    #expect(products(sheet, .backward) == 2 * products(sheet, .forward))
    // Attention's are three and a half times: backward makes the scores again.
    #expect(2 * products(sheet, .backward, attention: true) == 5 * products(sheet, .forward, attention: true))
    // 6·P·T, with P the parameters that are multiplied with; attention adds its share.
    let linear = products(sheet, .forward) + products(sheet, .backward)
    #expect(linear == 6 * StepWorkTests.multiplied * StepWorkTests.tokens)
  }

  @Test func `checkpointing adds every layer's forward but its last product`() throws {
    let sheet = try sheet(.full) { $0.usesGradientCheckpointing = true }
    // Neither the head nor down's product: 32·H·I.
    let again = 2 * StepWorkTests.tokens * (6_476_005_376 - 32 * 4096 * 11008)
    #expect(products(sheet, .recompute) == again)
    #expect(products(sheet, .recompute, attention: true) == products(sheet, .forward, attention: true))
  }

  @Test func `on other stacks checkpointing adds every layer's forward`() throws {
    let sheet = try sheet(.full) {
      $0.stack = .transformers
      $0.usesGradientCheckpointing = true
    }
    #expect(products(sheet, .recompute) == 2 * StepWorkTests.tokens * 6_476_005_376)
  }

  @Test(arguments: [Method.Name.lora, .qlora])
  func `a frozen base has no weight gradients, and the lowest projections no input's`(method: Method.Name) throws {
    let sheet = try sheet(method)
    let frozen = sheet.lines.filter { $0.isMatrixProduct && $0.share == .frozen && $0.phase == .backward }
    // Of the first layer q, k and v read what nothing trains below.
    let once = 2 * StepWorkTests.tokens * (StepWorkTests.multiplied - 3 * 4096 * 4096)
    #expect(frozen.reduce(0) { $0 + $1.flops.count } == once)
    // 4·P·T and not 6: within 2 %, adapters of rank 16 and the missing gradients of the first layer.
    let linear = Double(products(sheet, .forward) + products(sheet, .backward))
    let four = 4 * Double(StepWorkTests.multiplied) * Double(StepWorkTests.tokens)
    #expect(abs(linear / four - 1) < 0.02)
  }

  @Test func `adapters cost three times their forward, less the gradients that nobody wants`() throws {
    let sheet = try sheet(.lora)
    let trained = sheet.lines.filter { $0.isMatrixProduct && $0.share == .trained }
    let forward = trained.filter { $0.phase == .forward }.reduce(0) { $0 + $1.flops.count }
    let backward = trained.filter { $0.phase == .backward }.reduce(0) { $0 + $1.flops.count }
    // 39,976,960 parameters of rank 16 on all linear layers.
    #expect(forward == 2 * StepWorkTests.tokens * 39_976_960)
    #expect(backward == 2 * forward - 3 * 2 * StepWorkTests.tokens * 16 * 4096)
  }

  @Test func `a quantized base is made whole once a product`() throws {
    let sheet = try sheet(.qlora) { $0.quantization = .some(.nf4(double: false)) }
    func elements(_ phase: WorkSheet.Phase) -> Int {
      sheet.lines.filter { $0.operation == StepWork.dequantizationName && $0.phase == phase }
        .reduce(0) { $0 + $1.flops.count }
    }
    #expect(elements(.forward) == 6_476_005_376)
    #expect(elements(.backward) == 6_476_005_376 - 3 * 4096 * 4096)
  }

  // The model has no biases to train.
  @Test(arguments: Method.Name.allCases.filter { $0 != .bitfit })
  func `micro-batches multiply all but the update`(method: Method.Name) throws {
    let once = try sheet(method)
    let thrice = try sheet(method) { $0.accumulation = 3 }
    for phase in [WorkSheet.Phase.forward, .backward] { #expect(thrice.total(phase) == 3 * once.total(phase)) }
    #expect(thrice.total(.optimizer) == once.total(.optimizer))
  }

  @Test func `layers below the lowest adapter have no backward`() throws {
    let spec = try Models.tiny(layers: 4)
    let base = try Models.recipe(spec, .lora).recipe
    func backward(_ module: String) throws -> FLOPs {
      let adapter = try LoRA(rank: 2, alpha: 4, targets: .modules([module]))
      return StepWork.sheet(spec, try #require(base.changed(RecipeChange(method: .lora(adapter))))).total(.backward)
    }
    let top = try backward("layers.3.mlp.down_proj")
    let one = try backward("layers.2.mlp.down_proj")
    let two = try backward("layers.1.mlp.down_proj")
    #expect(one - top == two - one)
    #expect(one > top)
  }

  @Test func `a mixture computes its active experts only`() throws {
    func work(active: Int, count: Int) throws -> WorkSheet {
      let spec = try ModelSpec(
        name: "mixture", architecture: .mixtral, layerCount: 1, hiddenSize: 8,
        attention: AttentionSpec(heads: 2, keyValueHeads: 2, headDimension: 4),
        feedForward: FeedForwardSpec(
          intermediateSize: 12, experts: .init(count: count, active: active, intermediateSize: 12)),
        vocabularySize: 10, tiesEmbeddings: false, normalization: Normalization(kind: .rms, epsilon: 1e-5),
        positions: .rotary(RotarySpec(theta: 10_000)), maximumPositions: 64)
      return StepWork.sheet(spec, try Models.recipe(spec, .full).recipe)
    }
    func experts(_ sheet: WorkSheet) -> Int {
      sheet.lines.filter { $0.operation.hasPrefix("expert") && $0.phase == .forward }
        .reduce(0) { $0 + $1.flops.count }
    }
    // 4 tokens through 2 experts of three 8×12 products each, however many there are.
    #expect(try experts(work(active: 2, count: 8)) == 2 * 4 * 2 * 3 * 96)
    #expect(try experts(work(active: 2, count: 16)) == 2 * 4 * 2 * 3 * 96)
  }

  @Test func `a window of keys limits the pairs`() {
    // 1 + 2 + 3 + 4, then 4 each for six more.
    #expect(AttentionWork.pairs(sequence: 10, window: 4, .flash) == 10 + 24)
    #expect(AttentionWork.pairs(sequence: 10, window: nil, .flash) == 55)
    #expect(AttentionWork.pairs(sequence: 10, window: 100, .sdpa) == 55)
    #expect(AttentionWork.pairs(sequence: 10, window: 4, .eager) == 100)
  }
}
