public import Bookkeeping
public import Modeling

/// How far a recipe can be stretched within a budget, everything else staying as it is.
///
/// What fits is judged by the expected device bytes, as an uncertain verdict is. Every answer is the largest number on its
/// ``Ladder`` that fits: no larger one there does, whatever smaller ones do.
public struct Reach: Sendable {
  public let spec: ModelSpec
  public let recipe: Recipe
  public let budget: Bytes
  let estimates: Estimates

  /// How far one number of the recipe can go.
  public struct Stretch: Hashable, Sendable {
    /// The largest number that fits.
    public let largest: Int
    /// Smaller numbers that were seen not to fit: cached blocks are used again better by some sizes than by others.
    public let holes: [Int]
    /// Expected device bytes at the largest number.
    public let device: Bytes
    /// Whether the number is the last there is, of the model's positions or of the ladder.
    public let isTop: Bool
  }

  public init(_ spec: ModelSpec, _ recipe: Recipe, budget: Bytes, threads: Int = 1, device: Device? = nil) {
    self.init(recipe, Estimates(spec, budget: budget, threads: threads, device: device))
  }

  package init(_ recipe: Recipe, _ estimates: Estimates) {
    spec = estimates.spec
    budget = estimates.budget
    self.recipe = recipe
    self.estimates = estimates
  }

  /// How far one number can go; `nil` if not even the smallest fits, or the recipe has no such number.
  public func stretch(_ axis: Axis) -> Stretch? {
    axis.ladder(spec, recipe).flatMap { stretch(axis, over: $0.rungs) }
  }

  /// The longest of some sequences that fits; `nil` if none does.
  package func longest(of sequences: [Int]) -> Stretch? { stretch(.sequence, over: sequences) }

  private func stretch(_ axis: Axis, over rungs: [Int]) -> Stretch? {
    let found = LargestFit.find(rungs, breaks: axis.breaks(spec, recipe), within: budget.count) { number in
      guard let changed = axis.recipe(recipe, at: number), let estimate = estimates(changed) else { return nil }
      return LargestFit.Probe(floor: estimate.floor.count, size: estimate.expected?.count)
    }
    guard let number = found.number, let changed = axis.recipe(recipe, at: number),
      let device = estimates(changed)?.expected
    else { return nil }
    return Stretch(largest: number, holes: found.holes, device: device, isTop: number == rungs.last)
  }

  /// The longest sequence that fits, up to the model's positions; `nil` if not even the shortest does.
  public var largestSequence: Int? { stretch(.sequence)?.largest }

  /// The largest micro-batch that fits; `nil` if not even one sequence does.
  public var largestMicroBatch: Int? { stretch(.microBatch)?.largest }

  /// The largest rank that fits, up to the model's hidden size; `nil` if not even rank 1 does, or there is no adapter.
  public var largestRank: Int? { stretch(.rank)?.largest }

  /// The same question with other numbers.
  package func with(sequence: Int? = nil, microBatch: Int? = nil) -> Reach? {
    recipe.changed(RecipeChange(microBatch: microBatch, sequence: sequence)).map { Reach($0, estimates) }
  }
}
