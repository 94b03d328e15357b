import Bookkeeping
import Modeling
import Planning
import Testing

@Suite struct `Peaks of every part` {
  static func plan(
    _ model: String = "qwen2.5-0.5b", _ method: Method.Name, _ change: (inout RecipeRequest) -> Void = { _ in }
  ) throws -> Plan {
    let spec = try #require(Presets.named(model)).spec
    var request = RecipeRequest()
    request.method = method
    request.sequence = 512
    change(&request)
    return try Planner.plan(spec, request.resolved(for: spec))
  }

  @Test(arguments: [Method.Name.full, .lora, .qlora])
  func `have the whole peak among them`(method: Method.Name) throws {
    let plan = try Self.plan(method: method)
    #expect(plan.phases.steady.peak == plan.ledger.peak.bytes)
    #expect(plan.phases.peak == plan.peak.bytes)
    #expect(plan.allocated.expected >= plan.phases.peak)
  }

  private static func plan(method: Method.Name) throws -> Plan { try plan("qwen2.5-0.5b", method) }

  /// AdamW makes two fp32 moments and a step counter for every trained parameter, at the end of the first step.
  @Test func `know no optimizer states before the first step ends`() throws {
    let plan = try Self.plan(method: .full)
    let states = plan.ledger.entries.filter { $0.account == .optimizerState }.reduce(0) { $0 + $1.bytes.count }
    #expect(states == 8 * plan.parameters.total + 4 * plan.spec.parameters.count)
    let (first, steady) = (plan.phases.first, plan.phases.steady)
    #expect(steady.forward.count - first.forward.count == states)
    #expect(steady.backward.count - first.backward.count == states)
    #expect(steady.optimizer == first.optimizer)
  }

  @Test(arguments: [Stack.trl, .transformers], [Method.Name.full, .lora, .qlora])
  func `begin with what loading ends with`(stack: Stack, method: Method.Name) throws {
    let plan = try Self.plan("qwen2.5-0.5b", method) { $0.stack = stack }
    let load = try #require(plan.load)
    let residents = plan.ledger.entries.prefix { $0.opened == Moment(0) }
      .filter { [.weights, .quantizationConstants, .adapters].contains($0.account) }
    let loaded = load.entries.filter { $0.closed == nil }
    #expect(loaded.map(\.name).sorted() == residents.map(\.name).sorted())
    #expect(loaded.reduce(0) { $0 + $1.bytes.count } == residents.reduce(0) { $0 + $1.bytes.count })
    #expect(plan.phases.load >= load.timeline.last?.end ?? .zero)
  }

  /// A vocabulary that dwarfs its layers, cast to fp32 one table after the other, over few tokens.
  @Test func `take loading for the peak where it is`() throws {
    let spec = try #require(Presets.named("gemma-2-2b") ?? Presets.named("qwen2.5-0.5b")).spec
    var request = RecipeRequest()
    request.method = .qlora
    request.stack = .transformers
    request.optimizer = .sgd
    request.rank = 1
    request.sequence = 1
    let plan = try Planner.plan(spec, request.resolved(for: spec))
    let isLoad = plan.phases.load > plan.phases.steady.peak
    #expect(plan.peakMoment.hasPrefix("load.") == isLoad)
    #expect(plan.peak.bytes == plan.phases.peak)
    let sum = plan.accounts.values.reduce(Bytes.zero, +)
    #expect(sum == plan.device.expected)
  }

  @Test func `the engine makes its states while it loads`() throws {
    let plan = try Models.plan(Models.tiny(), .full)
    #expect(plan.load == nil)
    #expect(plan.phases.first == plan.phases.steady)
  }
}
