import Bookkeeping
import Modeling
import Planning
import Testing

/// Every optimizer on every way to store the base: planned, or refused with a reason.
@Suite struct `Combinations of optimizer and quantization` {
  static func quantizations() throws -> [Quantization?] {
    [
      nil, .nf4(double: true), .nf4(double: false), .fp4(double: true),
      try .bitsandbytes(.nf4, double: true, blockSize: 128),
      .int8, try .gptq(bits: 4), try .gptq(bits: 3), try .gptq(bits: 2, groupSize: nil),
      try .gptq(bits: 8, groupSize: 32, isActOrdered: true), try .awq(), try .hqq(bits: 1), try .hqq(bits: 3),
      try .hqq(bits: 4), try .hqq(bits: 8, groupSize: nil), .torchaoNF4, .torchaoInt8, try .torchaoInt4(),
    ]
  }

  @Test(arguments: Optimizer.Kind.allCases)
  func `plan or are refused`(_ kind: Optimizer.Kind) throws {
    let spec = try TorchFixture().spec()
    for quantization in try Self.quantizations() {
      for method in quantization == nil ? [Method.Name.full, .lora] : [.qlora] {
        for stack in [Stack.trl, .transformers] {
          var request = RecipeRequest()
          request.stack = stack
          request.method = method
          request.quantization = quantization.map { .some($0) }
          request.optimizer = kind
          request.sequence = 64
          let recipe = try request.resolved(for: spec)
          do {
            let plan = try Planner.plan(spec, recipe)
            #expect(plan.allocated.expected > .zero)
          } catch let error {
            #expect("\(error)".count > 40, "\(error)")
          }
        }
      }
    }
  }

  static let names: [(name: String, named: Optimizer.Named)] = [
    ("adamw_torch", .init(.adamw, .foreach)), ("adamw_torch_fused", .init(.adamw, .fused)),
    ("adamw_bnb_8bit", .init(.adamw8bit)), ("paged_adamw_32bit", .init(.pagedAdamw)),
    ("paged_adamw_8bit", .init(.pagedAdamw8bit)), ("lion_32bit", .init(.lion)),
    ("galore_adamw_layerwise", .init(.galoreAdamwLayerwise)), ("schedule_free_radam", .init(.scheduleFreeRadam)),
    ("rmsprop_bnb_8bit", .init(.rmsprop8bit)), ("sgd", .init(.sgd)), ("FusedAdam", .init(.fusedAdam)),
    ("adamw-foreach", .init(.adamw, .foreach)),
  ]

  @Test(arguments: names)
  func `go by the names of TrainingArguments`(name: String, named: Optimizer.Named) {
    #expect(Optimizer.named(name) == named)
  }

  @Test func `have names that all lead somewhere`() {
    #expect(Optimizer.names.allSatisfy { Optimizer.named($0) != nil })
    #expect(Optimizer.named("adam-w") == nil)
  }

  @Test func `walk by foreach where only AdamW is asked to be fused`() throws {
    let spec = try TorchFixture().spec()
    func implementation(_ kind: Optimizer.Kind) throws -> Optimizer.Implementation {
      var request = RecipeRequest()
      request.optimizer = kind
      request.sequence = 64
      return try request.resolved(for: spec).recipe.optimizer.implementation
    }
    #expect(try implementation(.adamw) == .fused)
    #expect(try implementation(.sgd) == .foreach)
    #expect(try implementation(.adafactorTorch) == .single)
  }

  @Test func `borrow a list of roots at the step`() throws {
    func workspace(_ implementation: Optimizer.Implementation) throws -> Int {
      let books = try TorchFixture {
        $0.method = .full
        $0.implementation = implementation
      }.books()
      return books.high(.workspace, at: "optimizer")
    }
    let spec = try TorchFixture().spec()
    let norms = spec.parameters.filter { $0.name.contains("norm") }.reduce(0) { $0 + $1.count }
    // The decayed group is all but the norms: one root each in bf16.
    #expect(try workspace(.foreach) == 2 * (spec.parameterCount - norms))
    #expect(try workspace(.fused) < 1024)
  }
}
