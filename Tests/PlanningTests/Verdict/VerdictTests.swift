import Bookkeeping
import Modeling
import Planning
import Testing

@Suite struct VerdictTests {
  @Test func `an interval decides: below it no, above it yes, within it the expected bytes`() throws {
    let plan = try Models.plan(Models.tiny(), .lora)
    let device = plan.device
    #expect(device.low < device.expected && device.expected < device.high)
    func judge(_ budget: Bytes) -> Verdict { Verdict.judge(plan, budget: budget) }
    #expect(judge(device.high).answer == .yes)
    #expect(judge(device.high - Bytes(1)).answer == .uncertain)
    #expect(judge(device.low).answer == .uncertain)
    #expect(judge(device.low - Bytes(1)).answer == .no)
    #expect(judge(device.high).exitCode == 0)
    #expect(judge(device.expected).exitCode == 0)
    #expect(judge(device.expected - Bytes(1)).exitCode == 1)
    #expect(judge(device.low - Bytes(1)).exitCode == 1)
    #expect(judge(device.expected).headroom == .zero)
    #expect(judge(device.expected - Bytes(5)).headroom == Bytes(-5))
  }

  @Test func `every remedy, planned anew, saves what it says and fits where it says so`() throws {
    let spec = try Models.llama("small", layers: 4, hidden: 256, heads: 4, keyValueHeads: 2, intermediate: 1024)
    let plan = try Models.plan(spec, .full, sequence: 512) { $0.microBatch = 4 }
    let budget = plan.device.expected - Bytes(64 << 20)
    let remedies = Remedies.seek(Verdict.judge(plan, budget: budget))
    #expect(remedies.changes.map(\.change).contains("--checkpointing"))
    #expect(remedies.changes.map(\.change).contains("--method qlora --rank 16"))
    for remedy in remedies.changes {
      let again = try Planner.plan(spec, ResolvedRecipe(recipe: remedy.recipe, assumptions: []))
      #expect(again.device == remedy.device)
      #expect(plan.device.expected - again.device.expected == remedy.saved)
      #expect(remedy.suffices == (again.device.expected <= budget))
      #expect(remedy.saved > .zero)
    }
    #expect(remedies.changes.contains { $0.suffices })
  }

  @Test func `remedies stand from free to costly, and the most saved first`() throws {
    let spec = try Models.llama("small", layers: 4, hidden: 256, heads: 4, keyValueHeads: 2, intermediate: 1024)
    let plan = try Models.plan(spec, .full, sequence: 512) { $0.microBatch = 4 }
    let remedies = Remedies.seek(Verdict.judge(plan, budget: plan.device.expected - Bytes(64 << 20))).changes
    let ranks = remedies.map { Remedy.Cost.allCases.firstIndex(of: $0.cost) ?? -1 }
    #expect(ranks == ranks.sorted())
    for (one, next) in zip(remedies, remedies.dropFirst()) where one.cost == next.cost {
      #expect(one.saved >= next.saved)
    }
  }

  @Test(arguments: [Method.Name.full, .lora, .qlora]) func `the reach fits, and a step more does not`(
    method: Method.Name
  ) throws {
    let spec = try Models.llama("small", layers: 3, hidden: 128, heads: 4, keyValueHeads: 4, intermediate: 512)
    let recipe = try Models.recipe(spec, method, sequence: 256).recipe
    let budget = try Planner.deviceBytes(spec, recipe).expected + Bytes(60 << 20)
    let reach = Reach(spec, recipe, budget: budget)
    func size(_ change: RecipeChange) throws -> Bytes {
      try Planner.deviceBytes(spec, #require(recipe.changed(change))).expected
    }
    let sequence = try #require(reach.largestSequence)
    #expect(sequence > 256)
    #expect(try size(RecipeChange(sequence: sequence)) <= budget)
    func next(_ axis: Axis, after number: Int) throws -> Int {
      try #require(axis.ladder(spec, recipe)?.rungs.first { $0 > number })
    }
    #expect(try size(RecipeChange(sequence: next(.sequence, after: sequence))) > budget)
    let batch = try #require(reach.largestMicroBatch)
    #expect(batch > 1)
    #expect(try size(RecipeChange(microBatch: batch)) <= budget)
    #expect(try size(RecipeChange(microBatch: next(.microBatch, after: batch))) > budget)
    #expect((reach.largestRank == nil) == (method == .full))
  }

  @Test func `what does not fit has a smallest set of changes, and what fits needs none`() throws {
    let spec = try Models.llama("small", layers: 4, hidden: 256, heads: 4, keyValueHeads: 2, intermediate: 1024)
    let plan = try Models.plan(spec, .full, sequence: 512) { $0.microBatch = 4 }
    #expect(Remedies.seek(Verdict.judge(plan, budget: plan.device.expected)).smallestSet == nil)
    let budget = plan.device.expected - Bytes(64 << 20)
    let set = try #require(Remedies.seek(Verdict.judge(plan, budget: budget), jobs: 2).smallestSet)
    let again = try Planner.plan(spec, ResolvedRecipe(recipe: set.recipe, assumptions: []))
    #expect(again.device == set.device)
    #expect(again.device.expected <= budget)
  }

  @Test func `nothing fits into nothing`() throws {
    let spec = try Models.tiny()
    let reach = Reach(spec, try Models.recipe(spec, .lora).recipe, budget: Bytes(1))
    #expect(reach.largestSequence == nil)
    #expect(reach.largestMicroBatch == nil)
    #expect(reach.largestRank == nil)
  }
}
