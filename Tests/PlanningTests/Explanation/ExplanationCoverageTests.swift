import Bookkeeping
import Modeling
import Planning
import Testing

/// Every name that a walk or a loader opens has its sentence, and the explained peak adds up.
///
/// Families, methods, optimizers, quantizations and ways to share a model meet each stack in turn: names are made by
/// operations, so that a few models show them all.
@Suite struct `Explanations of every stack` {
  /// One of each family, with what it alone has.
  static let models = [
    "qwen2.5-0.5b", "gpt2", "pythia-160m", "gemma-2-2b", "qwen3-0.6b", "smollm2-135m", "phi-1.5", "qwen-1.8b",
    "qwen1.5-moe-a2.7b", "mixtral-8x7b",
  ]

  /// A few layers of a model, which have every name that all of them have.
  private static func spec(_ name: String) throws -> ModelSpec {
    let whole = try #require(Presets.named(name), "\(name)").spec
    return try #require(whole.withLayers(3))
  }

  private static func quantizations() throws -> [Quantization] {
    [
      .nf4(double: true), .nf4(double: false), .fp4(double: false), .int8, try .gptq(bits: 4), try .awq(),
      try .hqq(bits: 4), .torchaoNF4, .torchaoInt8, try .torchaoInt4(),
    ]
  }

  private static func plan(
    _ spec: ModelSpec, _ stack: Stack, _ change: (inout RecipeRequest) -> Void
  ) -> Plan? {
    var request = RecipeRequest()
    request.stack = stack
    request.sequence = 96
    request.microBatch = 3
    change(&request)
    if spec.feedForward.experts != nil, request.method != .full { request.targets = .attention }
    // What a stack doesn't run or the planner doesn't model has no peak to explain.
    guard let resolved = try? request.resolved(for: spec) else { return nil }
    return try? Planner.plan(spec, resolved)
  }

  private static func check(_ plan: Plan, unknown: inout Set<String>) {
    for ledger in [plan.ledger, plan.load].compactMap(\.self) {
      let whole = PeakExplanation(ledger.entries, moment: "", spec: plan.spec, recipe: plan.recipe)
      unknown.formUnion(whole.lines.filter { !$0.isExplained }.map(\.name))
    }
    let explanation = PeakExplanation(of: plan)
    #expect(explanation.total == plan.peak.bytes)
    #expect(
      Dictionary(uniqueKeysWithValues: explanation.accounts.map { ($0.account, $0.bytes) })
        == plan.peak.accounts.filter { account in
          account.value != .zero || explanation.lines.contains { $0.account == account.key }
        })
    #expect(explanation.steps.first?.sum == plan.peak.bytes)
    #expect(explanation.steps.last?.sum == plan.device.expected)
    for (before, after) in zip(explanation.steps, explanation.steps.dropFirst()) {
      #expect(before.sum + after.added == after.sum)
    }
  }

  @Test(arguments: Stack.allCases)
  func `have a rule for every name, with every method`(stack: Stack) throws {
    let ways = [
      (true, LossImplementation.fused, AttentionImplementation.sdpa), (false, .full, .eager), (true, .chunked, .flash),
    ]
    var unknown: Set<String> = []
    for (place, name) in Self.models.enumerated() {
      let spec = try Self.spec(name)
      for (turn, method) in Method.Name.allCases.enumerated() {
        let (checkpointing, loss, attention) = ways[(place + turn) % ways.count]
        let plan = Self.plan(spec, stack) {
          $0.method = method
          $0.usesGradientCheckpointing = checkpointing
          $0.loss = loss
          $0.attention = attention
          $0.loraDropout = turn.isMultiple(of: 2) ? 0.1 : 0
          $0.precision = (place + turn).isMultiple(of: 4) && stack != .plimsoll ? .autocast : nil
        }
        if let plan { Self.check(plan, unknown: &unknown) }
      }
    }
    #expect(unknown.isEmpty, "\(unknown.sorted().joined(separator: ", "))")
  }

  @Test func `have a rule for every name of every optimizer`() throws {
    let spec = try Self.spec("qwen2.5-0.5b")
    var unknown: Set<String> = []
    for kind in Optimizer.Kind.allCases {
      for implementation in [Optimizer.Implementation.fused, .foreach, .single] {
        for method in [Method.Name.full, .lora] {
          let plan = Self.plan(spec, .trl) {
            $0.method = method
            $0.optimizer = kind
            $0.optimizerImplementation = implementation
          }
          if let plan { Self.check(plan, unknown: &unknown) }
        }
      }
    }
    #expect(unknown.isEmpty, "\(unknown.sorted().joined(separator: ", "))")
  }

  @Test(arguments: Sharding.allCases)
  func `have a rule for every name of a step on several devices`(_ sharding: Sharding) throws {
    let spec = try Self.spec("qwen2.5-0.5b")
    var unknown: Set<String> = []
    for stack in Stack.allCases {
      for method in [Method.Name.full, .lora, .qlora] {
        for checkpointing in [true, false] {
          let plan = Self.plan(spec, stack) {
            $0.method = method
            $0.devices = 4
            $0.sharding = sharding
            $0.usesGradientCheckpointing = checkpointing
            $0.weightFormat = method == .full ? .fp32 : nil
            $0.precision = method == .full ? .autocast : nil
          }
          if let plan { Self.check(plan, unknown: &unknown) }
        }
      }
    }
    #expect(unknown.isEmpty, "\(unknown.sorted().joined(separator: ", "))")
  }

  @Test(arguments: try quantizations())
  func `have a rule for every name of a quantized model`(_ quantization: Quantization) throws {
    var unknown: Set<String> = []
    for name in ["qwen2.5-0.5b", "qwen1.5-moe-a2.7b"] {
      for stack in [Stack.trl, .peftLoop, .torchtune, .unsloth] {
        let plan = Self.plan(try Self.spec(name), stack) {
          $0.method = .lora
          $0.quantization = .some(quantization)
        }
        if let plan { Self.check(plan, unknown: &unknown) }
      }
    }
    #expect(unknown.isEmpty, "\(unknown.sorted().joined(separator: ", "))")
  }
}
