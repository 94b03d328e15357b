import Bookkeeping
package import Modeling

/// The exact search for the smallest set of changes that makes a recipe fit.
///
/// A *set* pulls every lever in at most one way. Of all sets that fit, the one is wanted with the fewest changes of the
/// task, then of fidelity, then of time, then of the free ones; of equals the mildest (the sum of its options' places),
/// then the fastest, then the smallest, then the first in the levers' order.
///
/// **Why it is exact.** Sets are looked at in that very order, level by level, and every set of a level is judged by its
/// own size, so that the first level with a fit holds the answer. What is left out are sets that can't fit. Let a
/// *family* be some fixed changes with any further ones of some open levers. Pulling a steady lever further never raises
/// the floor (``Lever/isSteady``), so in each way to pull the others the least floor of a family is the one with all its
/// steady levers pulled as far as they go; if that is above the budget in every such way, no set of the family fits, for
/// no size is under its floor. Ways that differ only in what doesn't last from step to step (loss, attention,
/// checkpoints, micro-batches) have the same lasting bytes, so these alone may rule all of them out. Whether adding a
/// change may raise the peak is thus never taken for granted of the others. The tests hold the answers, and what steady
/// levers do, against trying everything.
///
/// Where the sequence may be shortened too, each set stands for its longest sequence that fits (``LargestFit``), and what
/// is ruled out is so at the shortest one, whose floor is under those of all others.
package struct LeverSearch: Sendable {
  /// A lever pulled in one way, by their places.
  package struct Choice: Hashable, Sendable {
    package let lever: Int
    package let option: Int

    package init(lever: Int, option: Int) {
      self.lever = lever
      self.option = option
    }
  }

  /// The smallest set.
  package struct Answer: Hashable, Sendable {
    /// In the levers' order.
    package let choices: [Choice]
    /// The longest sequence that fits then, where it was to be shortened.
    package let sequence: Int?
  }

  let estimates: Estimates
  let recipe: Recipe
  package let levers: [Lever]
  /// Shorter sequences that may be taken, ascending; none where the sequence stays.
  private let sequences: [Int]
  /// Tokens a second of a recipe, where a device is known to tell.
  let speed: @Sendable (Recipe) -> Double?
  let jobs: Int

  package init(
    _ recipe: Recipe, _ levers: [Lever], _ estimates: Estimates, sequences: [Int] = [], jobs: Int = 1,
    speed: @escaping @Sendable (Recipe) -> Double? = { _ in nil }
  ) {
    self.recipe = recipe
    self.levers = levers
    self.estimates = estimates
    self.sequences = sequences
    self.jobs = jobs
    self.speed = speed
  }

  /// The recipe with changes made, in the levers' order; `nil` if one of them can't be.
  package func changed(_ choices: [Choice]) -> Recipe? { changed(choices, from: recipe) }

  private func changed(_ choices: [Choice], from start: Recipe) -> Recipe? {
    var changed = start
    for choice in choices.sorted(by: { $0.lever < $1.lever }) {
      guard let next = levers[choice.lever].options[choice.option].apply(changed), next != changed else { return nil }
      changed = next
    }
    return changed
  }

  /// The smallest set that fits; `nil` if none does.
  package func smallest() -> Answer? {
    guard mayFit([], open: Array(levers.indices)) else { return nil }
    let tiers = Remedy.Cost.allCases.map { cost in levers.indices.filter { levers[$0].cost == cost } }
    // Fixed so far, and the tiers still open, the costliest first.
    return smallest(families: [[]], tiers: tiers.reversed())
  }

  /// Goes through one tier after the other, the costliest first, by how many of its levers are pulled.
  ///
  /// - Parameter families: what the costlier tiers have fixed, as many changes of each tier in all of them.
  private func smallest(families: [[Choice]], tiers: [[Int]]) -> Answer? {
    guard let tier = tiers.first else { return best(of: families) }
    let rest = Array(tiers.dropFirst())
    for count in 0...tier.count {
      let pulled = LeverSearch.subsets(of: tier, count: count).flatMap(ways)
      let sets = families.flatMap { family in pulled.map { family + $0 } }
      let open = rest.flatMap(\.self)
      let possible = zip(sets, Parallel.map(sets, jobs: jobs) { mayFit($0, open: open) }).filter(\.1).map(\.0)
      if !possible.isEmpty, let found = smallest(families: possible, tiers: rest) { return found }
    }
    return nil
  }

  /// Of sets of one level, the one with the longest sequence, then the mildest that fits, then the fastest, then the
  /// smallest.
  private func best(of sets: [[Choice]]) -> Answer? {
    let sizes = Parallel.map(sets, jobs: jobs) { set in changed(set).flatMap(fit) }
    var fitting = zip(sets, sizes).compactMap { set, fit in
      fit.map { (set: set, fit: $0, severity: set.reduce(0) { $0 + $1.option }) }
    }
    let longest = fitting.compactMap(\.fit.sequence).max()
    fitting.removeAll { $0.fit.sequence != longest }
    guard let least = fitting.map(\.severity).min() else { return nil }
    let mildest = fitting.filter { $0.severity == least }
    let speeds = mildest.count > 1 ? mildest.map { changed($0.set).flatMap(speed) ?? 0 } : [0]
    // The first of equals: `min` keeps it.
    let ranked = zip(mildest, speeds).min { ($1.1, $0.0.fit.size) < ($0.1, $1.0.fit.size) }
    return ranked.map { Answer(choices: $0.0.set.sorted { $0.lever < $1.lever }, sequence: $0.0.fit.sequence) }
  }

  /// The size of a recipe that fits, and the longest sequence with which it does; `nil` if it doesn't fit.
  private func fit(_ recipe: Recipe) -> (size: Bytes, sequence: Int?)? {
    guard !sequences.isEmpty else {
      guard let size = estimates(recipe)?.expected, size <= estimates.budget else { return nil }
      return (size, nil)
    }
    guard let longest = Reach(recipe, estimates).longest(of: sequences) else { return nil }
    return (longest.device, longest.largest)
  }

  // MARK: Ruling out

  /// Whether some set of these changes and any of the open levers' could fit; never no where one does.
  package func mayFit(_ fixed: [Choice], open: [Int]) -> Bool {
    guard let start = sequences.first.map({ Axis.sequence.recipe(recipe, at: $0) }) ?? recipe else { return true }
    let steady = open.filter { levers[$0].isSteady }.map { Choice(lever: $0, option: levers[$0].options.count - 1) }
    let others = open.filter { !levers[$0].isSteady }
    let passing = others.filter { levers[$0].name.isPassing && estimates.holdsNothingForTokens(recipe) }
    for lasting in LeverSearch.combinations(others.filter { !passing.contains($0) }, ways) {
      let base = fixed + steady + lasting
      if !passing.isEmpty, let least = changed(base, from: start).flatMap(estimates.least),
        least.lasting > estimates.budget
      {
        continue
      }
      for way in LeverSearch.combinations(passing, ways) {
        guard let floor = changed(base + way, from: start).flatMap(estimates.least)?.floor else { continue }
        if floor <= estimates.budget { return true }
      }
    }
    return false
  }

  /// Every way to pull all of some levers.
  private func ways(_ pulled: [Int]) -> [[Choice]] {
    pulled.reduce([[]]) { sets, lever in
      sets.flatMap { set in levers[lever].options.indices.map { set + [Choice(lever: lever, option: $0)] } }
    }
  }

  /// Every way to pull any of some levers, those that pull most first: they rule in the soonest.
  private static func combinations(_ levers: [Int], _ ways: ([Int]) -> [[Choice]]) -> [[Choice]] {
    (0...levers.count).reversed().flatMap { subsets(of: levers, count: $0).flatMap { ways($0).reversed() } }
  }

  /// Subsets of a size, in the order of their members.
  private static func subsets(of members: [Int], count: Int) -> [[Int]] {
    guard count > 0 else { return [[]] }
    guard count <= members.count else { return [] }
    return members.indices.flatMap { index in
      subsets(of: Array(members[(index + 1)...]), count: count - 1).map { [members[index]] + $0 }
    }
  }
}

extension Lever.Name {
  /// Whether it changes nothing that lasts from step to step.
  fileprivate var isPassing: Bool {
    switch self {
    case .loss, .attention, .checkpointing, .microBatch: true
    case .adapterFormat, .walk, .segments, .paging, .offload, .states, .weightFormat, .base, .rank, .targets:
      false
    }
  }
}

extension Estimates {
  /// Whether nothing that lasts depends on a step's tokens, as buffers for checkpoints from the host do.
  fileprivate func holdsNothingForTokens(_ recipe: Recipe) -> Bool {
    recipe.stack.isTorch && recipe.choices.checkpoints == .device && recipe.choices.modelCode != .megatron
  }
}
