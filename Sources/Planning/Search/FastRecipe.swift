import Bookkeeping
public import Modeling

/// The fastest way to run a recipe within a budget that leaves its result what it is.
public struct FastRecipe: Sendable {
  public let recipe: Recipe
  /// Device bytes.
  public let device: Interval
  public let speed: Roofline
  /// What a whole run comes to; `nil` where nobody said how long it is.
  public let run: WholeRun.Time?
}

extension FastRecipe {
  /// Sequences of a micro-batch from which on a GPU gains nothing by more.
  private static let largestBatch = 64

  /// Looks through micro-batches, checkpointing, attention, loss and the optimizer's walk.
  ///
  /// In the model of time a larger micro-batch is never slower by token: what a step costs whatever its tokens (the
  /// update, weights read and made whole, the host) is shared by more of them, and the rest is proportional. So in every
  /// variant only the largest micro-batch that fits has to be timed, and the fastest of those is the fastest of all.
  /// Where the recipe takes several sequences a step, accumulated or not, it goes on taking as many.
  ///
  /// Over data whose samples are padded, a larger micro-batch is padded more, and the last one of any run may be mostly
  /// empty. So for a run the fastest is the one that takes the least time for it, and beside the largest micro-batch the
  /// powers of two below it are timed too, or where a step's sequences are given, all their divisors.
  ///
  /// - Parameters:
  ///   - card: what the speed is predicted for.
  ///   - run: what is to be done in the least time; `nil` for as many tokens a second as can be.
  /// - Returns: `nil` if nothing fits, or nothing is known of the speed.
  package static func find(
    _ recipe: Recipe, _ estimates: Estimates, on card: Device, run: WholeRun? = nil
  ) -> FastRecipe? {
    let whole = recipe.batch.microBatch * recipe.batch.accumulation
    let batches =
      whole > 1
      ? (1...min(whole, max(largestBatch, recipe.batch.microBatch))).filter { whole.isMultiple(of: $0) }
      : Ladder(upTo: largestBatch).rungs
    let found = variants(of: recipe, estimates).flatMap { variant -> [FastRecipe] in
      func sized(_ batch: Int) -> Recipe? {
        variant.changed(RecipeChange(microBatch: batch, accumulation: whole > 1 ? whole / batch : 1))
      }
      // A step without accumulation has no gradients of micro-batches before.
      let breaks = Axis.microBatch.breaks(estimates.spec, variant) + (whole > 1 ? [whole] : [])
      let largest = LargestFit.find(batches, breaks: breaks, within: estimates.budget.count) { batch in
        guard let estimate = sized(batch).flatMap({ estimates($0) }) else { return nil }
        return LargestFit.Probe(floor: estimate.floor.count, size: estimate.expected?.count)
      }
      guard let batch = largest.number else { return [] }
      let smaller = batches.filter { run != nil && $0 < batch && (whole > 1 || $0.nonzeroBitCount == 1) }
      return (smaller + [batch]).compactMap { sized($0).flatMap { timed($0, estimates, on: card, run) } }
    }
    return found.max { ($0.pace, -$0.device.expected.count) < ($1.pace, -$1.device.expected.count) }
  }

  /// A recipe with its time; `nil` if it doesn't fit, or nothing is known of the time.
  private static func timed(
    _ recipe: Recipe, _ estimates: Estimates, on card: Device, _ run: WholeRun?
  ) -> FastRecipe? {
    guard let device = estimates(recipe)?.device, device.expected <= estimates.budget,
      let speed = Planner.speed(estimates.spec, recipe, on: card)
    else { return nil }
    guard let run else { return FastRecipe(recipe: recipe, device: device, speed: speed, run: nil) }
    guard let time = try? run.time(estimates.spec, recipe, on: card, speed: speed) else { return nil }
    return FastRecipe(recipe: recipe, device: device, speed: speed, run: time)
  }

  /// The more, the faster: whole runs a second where there is one, else tokens.
  private var pace: Double { run?.seconds.map { 1 / max($0.expected, .leastNormalMagnitude) } ?? speed.expected }

  /// The recipe with and without checkpoints, with every loss, attention and walk that is as good or better.
  private static func variants(of recipe: Recipe, _ estimates: Estimates) -> [Recipe] {
    let levers = Lever.all(for: recipe, of: estimates.spec, on: estimates.device)
    var variants = [recipe]
    for lever in levers {
      switch lever.name {
      case .loss: variants += variants.flatMap { variant in lever.options.compactMap { $0.apply(variant) } }
      case .attention where recipe.attention == .eager:
        variants += variants.flatMap { variant in lever.options.compactMap { $0.apply(variant) } }
      case .walk: variants = variants.map { variant in lever.options.first?.apply(variant) ?? variant }
      default: continue
      }
    }
    return variants
      + variants.compactMap { variant in
        variant.changed(RecipeChange(usesGradientCheckpointing: !variant.usesGradientCheckpointing))
      }
  }
}
