import Bookkeeping
import Modeling

/// What would change a verdict, and how far a recipe can be stretched.
public struct Remedies: Sendable {
  /// Single changes that save memory, cheapest first; among equals, the most saved first.
  public let changes: [Remedy]
  /// The longest sequence that fits with everything else as it is; `nil` if none does.
  public let largestSequence: Int?
  /// The largest micro-batch that fits with everything else as it is; `nil` if not even one sequence does.
  public let largestMicroBatch: Int?

  /// Plans every change to the plan of `verdict` for real; what the stack can't run or the planner can't model is left
  /// out.
  public static func seek(_ verdict: Verdict, threads: Int = 1) -> Remedies {
    let plan = verdict.plan
    let reach = Reach(plan, budget: verdict.budget, threads: threads)
    let sequence = reach.largestSequence
    var candidates = RemedyCandidate.all(for: plan.recipe)
    if let sequence, sequence < plan.recipe.batch.sequence {
      candidates.append(.shorterSequence(sequence))
    }
    let changes = candidates.compactMap { candidate -> Remedy? in
      guard let recipe = plan.recipe.changed(candidate.change), recipe != plan.recipe,
        let device = reach.deviceBytes(of: recipe), device.expected < plan.device.expected
      else { return nil }
      return Remedy(
        change: candidate.flags, reason: candidate.reason, cost: candidate.cost, recipe: recipe, device: device,
        saved: plan.device.expected - device.expected, suffices: device.expected <= verdict.budget)
    }
    return Remedies(
      changes: changes.sorted { ($0.cost.rank, -$0.saved.count) < ($1.cost.rank, -$1.saved.count) },
      largestSequence: sequence, largestMicroBatch: reach.largestMicroBatch)
  }
}

extension Remedy.Cost {
  fileprivate var rank: Int { Remedy.Cost.allCases.firstIndex(of: self) ?? 0 }
}
