import Bookkeeping
import Modeling
import Planning
import Testing

@Suite struct `The smallest set of changes` {
  typealias Draw = `The largest number that fits`.Draw

  static let stacks: [Stack] = [.trl, .transformers, .unsloth, .axolotl, .liger, .peftLoop]

  /// Every set of levers in every way.
  private static func sets(_ levers: [Lever]) -> [[LeverSearch.Choice]] {
    levers.indices.reduce([[]]) { sets, lever in
      sets.flatMap { set in
        [set] + levers[lever].options.indices.map { set + [LeverSearch.Choice(lever: lever, option: $0)] }
      }
    }
  }

  /// Changes by tier, the costliest first, then how far options go.
  private static func key(_ set: [LeverSearch.Choice], _ levers: [Lever]) -> [Int] {
    let costs = Remedy.Cost.allCases.reversed().map { cost in set.filter { levers[$0.lever].cost == cost }.count }
    return costs + [set.reduce(0) { $0 + $1.option }]
  }

  private func draw(_ seed: Int) -> (RandomRecipe, [Lever])? {
    var draw = Draw(state: UInt64(seed) &* 31_337)
    guard let random = RandomRecipe(&draw, stacks: Self.stacks) else { return nil }
    var levers = Lever.all(for: random.recipe, of: random.spec, on: nil)
    while levers.count > 5 { levers.remove(at: draw.number(0...levers.count - 1)) }
    return levers.isEmpty ? nil : (random, levers)
  }

  @Test(arguments: 0..<48)
  func `is the one that trying every set finds`(seed: Int) throws {
    guard let (random, levers) = draw(seed) else { return }
    let (spec, recipe) = (random.spec, random.recipe)
    let all = Estimates(spec, budget: Bytes(1 << 60))
    let search = LeverSearch(recipe, levers, all)
    let sizes = Self.sets(levers).compactMap { set -> (set: [LeverSearch.Choice], size: Bytes)? in
      guard let changed = search.changed(set), let size = all(changed)?.expected else { return nil }
      return (set, size)
    }
    let asked = try #require(sizes.first { $0.set.isEmpty }).size
    // Budgets between what the least and the asked need.
    let least = try #require(sizes.map(\.size).min())
    for share in [0, 1, 3, 6, 9] {
      let budget = least + Bytes((asked - least).count * share / 10)
      let fitting = sizes.filter { $0.size <= budget }
      let best = fitting.map { Self.key($0.set, levers) }.min { $0.lexicographicallyPrecedes($1) }
      let found = LeverSearch(recipe, levers, Estimates(spec, budget: budget)).smallest()
      #expect(found.map { Self.key($0.choices, levers) } == best, "\(recipe)")
      guard let found, let changed = search.changed(found.choices) else { continue }
      let size = try #require(all(changed)?.expected)
      #expect(size <= budget)
      // Of equals without a word on speed, the smallest.
      #expect(size == fitting.filter { Self.key($0.set, levers) == best }.map(\.size).min())
    }
    #expect(LeverSearch(recipe, levers, Estimates(spec, budget: least - Bytes(1))).smallest() == nil)
  }

  /// Pulled further, a steady lever never has a higher floor, whatever else is changed.
  @Test(arguments: 0..<300)
  func `rests on levers that never raise the floor`(seed: Int) throws {
    guard let (random, levers) = draw(seed) else { return }
    let estimates = Estimates(random.spec, budget: Bytes(1 << 60))
    let search = LeverSearch(random.recipe, levers, estimates)
    for (index, lever) in levers.enumerated() where lever.isSteady {
      for set in Self.sets(levers).filter({ !$0.contains { $0.lever == index } }).prefix(16) {
        var last = search.changed(set).flatMap(estimates.least)?.floor
        for option in lever.options.indices {
          let way = set + [LeverSearch.Choice(lever: index, option: option)]
          guard let floor = search.changed(way).flatMap(estimates.least)?.floor else { continue }
          if let last { #expect(floor <= last, "\(lever.name) \(option) of \(random.recipe)") }
          last = floor
        }
      }
    }
  }

  @Test func `shortens the sequence only where nothing else does it, and no more than it must`() throws {
    let spec = try Models.llama("small", layers: 4, hidden: 256, heads: 4, keyValueHeads: 2, intermediate: 1024)
    let recipe = try Models.recipe(spec, .lora, sequence: 2048) {
      $0.stack = .trl
      $0.rank = 4
    }.recipe
    let least = try #require(
      RemedySet.smallest(
        for: recipe, Estimates(spec, budget: try Planner.deviceBytes(spec, recipe).expected - Bytes(1))))
    #expect(least.changes.allSatisfy { $0.cost != .task })
    // So little that no recipe of 2048 tokens fits.
    let short = try #require(recipe.changed(RecipeChange(sequence: 256)))
    let budget = try Planner.deviceBytes(spec, short).expected
    let set = try #require(RemedySet.smallest(for: recipe, Estimates(spec, budget: budget)))
    let again = try Planner.deviceBytes(spec, set.recipe)
    #expect(again == set.device && again.expected <= budget)
    if set.changes.last?.cost == .task {
      let rungs = try #require(Axis.sequence.ladder(spec, recipe)).rungs
      for longer in rungs where longer > set.recipe.batch.sequence && longer < 2048 {
        let changed = try #require(set.recipe.changed(RecipeChange(sequence: longer)))
        #expect(try Planner.deviceBytes(spec, changed).expected > budget)
      }
    }
  }

  @Test func `every change of a set says what it adds`() throws {
    let spec = try Models.llama("small", layers: 4, hidden: 256, heads: 4, keyValueHeads: 2, intermediate: 1024)
    let recipe = try Models.recipe(spec, .full, sequence: 512) {
      $0.stack = .trl
      $0.microBatch = 4
    }.recipe
    let asked = try Planner.deviceBytes(spec, recipe).expected
    let set = try #require(RemedySet.smallest(for: recipe, Estimates(spec, budget: Bytes(asked.count * 6 / 10))))
    #expect(asked - set.changes.reduce(.zero) { $0 + $1.saved } == set.device.expected)
    #expect(set.changes.last?.suffices == true)
    let ranks = set.changes.map { Remedy.Cost.allCases.firstIndex(of: $0.cost) ?? -1 }
    #expect(ranks == ranks.sorted())
  }
}
