import Bookkeeping
import Modeling
import Planning
import Testing

/// Small models and recipes drawn at random, with what is odd about software among them.
struct RandomRecipe {
  let spec: ModelSpec
  let recipe: Recipe

  init?(_ draw: inout `The largest number that fits`.Draw, stacks: [Stack]) {
    let heads = draw.pick([2, 4])
    let hidden = heads * draw.pick([16, 32, 64])
    let spec = try? Models.llama(
      "random", layers: draw.pick([1, 2, 6]), hidden: hidden, heads: heads, keyValueHeads: draw.pick([1, heads]),
      intermediate: draw.pick([2, 3]) * hidden, vocabulary: draw.pick([500, 4000, 32_000]))
    var request = RecipeRequest()
    request.stack = draw.pick(stacks)
    request.method = draw.pick([.full, .lora, .qlora, .lora, .dora])
    if request.method != .full {
      request.rank = draw.pick([1, 4, 16])
      request.targets = draw.pick([.allLinear, .attention])
    }
    request.microBatch = draw.pick([1, 2, 4])
    request.sequence = draw.pick([64, 200, 512])
    request.accumulation = draw.pick([1, 1, 3])
    request.usesGradientCheckpointing = draw.pick([true, false])
    request.optimizer = draw.pick([.adamw, .adamw8bit, .pagedAdamw, .sgd])
    request.loss = draw.pick([.full, .chunked, .fused, nil])
    request.attention = draw.pick([.eager, .sdpa, nil])
    guard let spec, let recipe = try? request.resolved(for: spec).recipe,
      (try? Planner.deviceBytes(spec, recipe)) != nil
    else { return nil }
    (self.spec, self.recipe) = (spec, recipe)
  }
}

@Suite struct `How far a random recipe goes` {
  typealias Draw = `The largest number that fits`.Draw

  static let stacks: [Stack] = [.trl, .transformers, .unsloth, .torchtune, .transformers4, .liger, .axolotl, .plimsoll]

  /// Every rung is planned, and the largest that fits is the answer.
  @Test(arguments: 0..<200)
  func `is what planning every number says`(seed: Int) throws {
    var draw = Draw(state: UInt64(seed) &* 77)
    guard let random = RandomRecipe(&draw, stacks: Self.stacks) else { return }
    let (spec, recipe) = (random.spec, random.recipe)
    let axis = draw.pick(Axis.allCases)
    guard let ladder = axis.ladder(spec, recipe) else { return }
    // What a step of this size needs there, give or take some, is the budget.
    let rungs = ladder.rungs
    let middle = axis.recipe(recipe, at: draw.pick(rungs)) ?? recipe
    guard let usual = try? Planner.deviceBytes(spec, middle).expected else { return }
    let budget = usual + Bytes(draw.number(-(4 << 20)...(4 << 20)))
    let truth = rungs.last { number in
      guard let changed = axis.recipe(recipe, at: number), (try? changed.validate(for: spec)) != nil,
        let bytes = try? Planner.deviceBytes(spec, changed)
      else { return false }
      return bytes.expected <= budget
    }
    #expect(Reach(spec, recipe, budget: budget).stretch(axis)?.largest == truth, "\(axis) \(recipe)")
  }

  /// The floor never falls within a piece, and no size is under it.
  @Test(arguments: 0..<50)
  func `rests on floors that do not fall between breaks`(seed: Int) throws {
    var draw = Draw(state: UInt64(seed) &* 1_000_003)
    guard let random = RandomRecipe(&draw, stacks: Self.stacks) else { return }
    let (spec, recipe) = (random.spec, random.recipe)
    for axis in Axis.allCases {
      guard let rungs = axis.ladder(spec, recipe)?.rungs else { continue }
      let breaks = axis.breaks(spec, recipe)
      var last: (rung: Int, floor: Bytes)?
      for rung in rungs {
        guard let changed = axis.recipe(recipe, at: rung), (try? changed.validate(for: spec)) != nil,
          let estimate = try? Planner.estimate(spec, changed, limit: .zero)
        else { break }
        if let last, !breaks.contains(where: { $0 > last.rung && $0 <= rung }) {
          #expect(estimate.floor >= last.floor, "\(axis) \(last.rung) to \(rung): \(recipe)")
        }
        last = (rung, estimate.floor)
        guard rung.isMultiple(of: 7), let device = try Planner.estimate(spec, changed).device else { continue }
        #expect(device.expected >= estimate.floor)
        #expect(estimate.lasting <= estimate.floor)
      }
    }
  }

  @Test func `an estimate with a limit says no more and no less`() throws {
    let spec = try Models.llama("small", layers: 6, hidden: 128, heads: 4, keyValueHeads: 2, intermediate: 256)
    for method in [Method.Name.full, .lora, .qlora] {
      let recipe = try Models.recipe(spec, method, sequence: 512) { $0.stack = .trl }.recipe
      let whole = try Planner.estimate(spec, recipe)
      let device = try #require(whole.device)
      #expect(device == (try Planner.deviceBytes(spec, recipe)))
      #expect(try Planner.estimate(spec, recipe, limit: device.expected).device == device)
      #expect(try Planner.estimate(spec, recipe, limit: device.expected - Bytes(1)).device == nil)
      #expect(try Planner.estimate(spec, recipe, limit: whole.floor).floor == whole.floor)
    }
  }
}
