package import Bookkeeping
package import Modeling
import Synchronization

/// Plans recipes of one model against one budget, each of them once.
package final class Estimates: Sendable {
  package let spec: ModelSpec
  package let budget: Bytes
  package let threads: Int
  package let device: Device?
  private let known = Mutex<[Recipe: Estimate?]>([:])
  private let floors = Mutex<[Recipe: Estimate?]>([:])

  package init(_ spec: ModelSpec, budget: Bytes, threads: Int = 1, device: Device? = nil) {
    self.spec = spec
    self.budget = budget
    self.threads = threads
    self.device = device
  }

  /// What a recipe needs, no more exactly than it takes to compare that with the budget; `nil` if it can't be planned.
  package func callAsFunction(_ recipe: Recipe) -> Estimate? {
    if let seen = known.withLock({ $0[recipe] }) { return seen }
    let estimate = estimate(recipe, limit: budget)
    known.withLock { $0[recipe] = .some(estimate) }
    return estimate
  }

  /// What a recipe needs at least; `nil` if it can't be planned.
  package func least(_ recipe: Recipe) -> Estimate? {
    if let seen = known.withLock({ $0[recipe] }) ?? floors.withLock({ $0[recipe] }) { return seen }
    // Above a limit of nothing, nothing is replayed.
    let estimate = estimate(recipe, limit: .zero)
    floors.withLock { $0[recipe] = .some(estimate) }
    return estimate
  }

  /// Device bytes of a recipe, whether they fit or not; `nil` if it can't be planned.
  package func whole(_ recipe: Recipe) -> Interval? {
    if let device = known.withLock({ $0[recipe] })??.device { return device }
    return estimate(recipe, limit: nil)?.device
  }

  /// Whether a recipe can be planned and fits by its expected bytes.
  package func fits(_ recipe: Recipe) -> Bool {
    guard let bytes = self(recipe)?.expected else { return false }
    return bytes <= budget
  }

  private func estimate(_ recipe: Recipe, limit: Bytes?) -> Estimate? {
    do {
      try recipe.validate(for: spec)
      return try Planner.estimate(spec, recipe, threads: threads, device: device, limit: limit)
    } catch {
      return nil
    }
  }
}
