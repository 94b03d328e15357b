import Bookkeeping
package import Modeling

/// What would change a verdict, and how far a recipe can be stretched.
public struct Remedies: Sendable {
  /// The smallest set of changes that makes a misfit fit, ordered by what they cost; `nil` where it fits, or none does.
  public let smallestSet: RemedySet?
  /// Single changes that save memory, cheapest first; among equals, the most saved first.
  public let changes: [Remedy]
  /// The longest sequence that fits with everything else as it is; `nil` if none does.
  public let largestSequence: Int?
  /// The largest micro-batch that fits with everything else as it is; `nil` if not even one sequence does.
  public let largestMicroBatch: Int?

  /// Plans every change to the plan of `verdict` for real; what the stack can't run or the planner can't model is left
  /// out.
  ///
  /// - Parameter jobs: threads of the search.
  public static func seek(_ verdict: Verdict, threads: Int = 1, jobs: Int = 1) -> Remedies {
    let plan = verdict.plan
    let estimates = Estimates(plan.spec, budget: verdict.budget, threads: threads, device: plan.target)
    let reach = Reach(plan.recipe, estimates)
    let stretches = Parallel.map([Axis.sequence, .microBatch], jobs: jobs) { reach.stretch($0)?.largest }
    let levers = Lever.all(for: plan.recipe, of: plan.spec, on: plan.target)
    var singles = levers.flatMap { lever in lever.options.map { (cost: lever.cost, option: $0) } }
    if let sequence = stretches[0], sequence < plan.recipe.batch.sequence {
      singles.append((.task, .shorter(sequence)))
    }
    let speed: @Sendable (Recipe) -> Double? = { recipe in
      plan.target.flatMap { Planner.speed(plan.spec, recipe, on: $0)?.expected }
    }
    let changes = Parallel.map(singles, jobs: jobs) { cost, option -> Remedy? in
      guard let recipe = option.apply(plan.recipe), let device = estimates.whole(recipe),
        device.expected < plan.device.expected
      else { return nil }
      return Remedy(
        change: option.flags(to: recipe), reason: option.reason, cost: cost, recipe: recipe, device: device,
        saved: plan.device.expected - device.expected, suffices: device.expected <= verdict.budget,
        tokensPerSecond: speed(recipe))
    }
    return Remedies(
      smallestSet: verdict.fitsAsExpected
        ? nil : RemedySet.smallest(for: plan.recipe, estimates, jobs: jobs, speed: speed),
      changes: changes.compactMap(\.self).sorted { ($0.cost.rank, -$0.saved.count) < ($1.cost.rank, -$1.saved.count) },
      largestSequence: stretches[0], largestMicroBatch: stretches[1])
  }
}

extension RemedySet {
  /// The smallest set of changes that makes `recipe` fit, sequences being shortened only where nothing else does it.
  ///
  /// - Parameters:
  ///   - mayShorten: whether sequences may be shortened at all.
  ///   - speed: tokens a second of a recipe, where a device is known to tell.
  package static func smallest(
    for recipe: Recipe, _ estimates: Estimates, mayShorten: Bool = true, jobs: Int = 1,
    speed: @escaping @Sendable (Recipe) -> Double? = { _ in nil }
  ) -> RemedySet? {
    let levers = Lever.all(for: recipe, of: estimates.spec, on: estimates.device)
    let search = LeverSearch(recipe, levers, estimates, jobs: jobs, speed: speed)
    if let answer = search.smallest() { return set(answer, of: recipe, levers, estimates, speed) }
    let rungs = Axis.sequence.ladder(estimates.spec, recipe)?.rungs.filter { $0 < recipe.batch.sequence } ?? []
    guard mayShorten, !rungs.isEmpty, recipe.batch.lengths == nil else { return nil }
    let shorter = LeverSearch(recipe, levers, estimates, sequences: rungs, jobs: jobs, speed: speed)
    return shorter.smallest().flatMap { set($0, of: recipe, levers, estimates, speed) }
  }

  /// The changes of an answer, each planned on top of those before it.
  private static func set(
    _ answer: LeverSearch.Answer, of recipe: Recipe, _ levers: [Lever], _ estimates: Estimates,
    _ speed: (Recipe) -> Double?
  ) -> RemedySet? {
    var pulled = answer.choices.map { (cost: levers[$0.lever].cost, option: levers[$0.lever].options[$0.option]) }
    if let sequence = answer.sequence { pulled.append((.task, .shorter(sequence))) }
    var changes: [Remedy] = []
    var (current, device) = (recipe, estimates.whole(recipe))
    for (cost, option) in pulled {
      guard let next = option.apply(current), let bytes = estimates.whole(next) else { return nil }
      changes.append(
        Remedy(
          change: option.flags(to: next), reason: option.reason, cost: cost, recipe: next, device: bytes,
          saved: (device ?? bytes).expected - bytes.expected, suffices: bytes.expected <= estimates.budget,
          tokensPerSecond: speed(next)))
      (current, device) = (next, bytes)
    }
    return device.map { RemedySet(changes: changes, recipe: current, device: $0, tokensPerSecondBefore: speed(recipe)) }
  }
}

extension Lever.Option {
  static func shorter(_ sequence: Int) -> Lever.Option {
    Lever.change("--seq \(sequence)", "the longest sequence that fits as things are; longer samples are cut") { _ in
      RecipeChange(sequence: sequence)
    }
  }
}

extension Remedy.Cost {
  fileprivate var rank: Int { Remedy.Cost.allCases.firstIndex(of: self) ?? 0 }
}
