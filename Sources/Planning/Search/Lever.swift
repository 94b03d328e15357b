package import Modeling

/// One thing about a recipe that can be changed to save memory, in one of several ways.
package struct Lever: Sendable {
  /// What is changed, in the order in which levers are pulled: that of what they cost.
  package enum Name: String, CaseIterable, Hashable, Sendable {
    case loss, adapterFormat, walk, segments, attention
    case checkpointing, microBatch, paging, offload
    case states, weightFormat, base, rank, targets
  }

  /// One way to pull it.
  package struct Option: Sendable {
    /// What to do, as flags; a bare `--optimizer` takes the name of what the recipe then has.
    private let words: String
    package let reason: String
    /// The recipe with the change made; `nil` where there is no such recipe, or nothing would change.
    package let apply: @Sendable (Recipe) -> Recipe?

    package init(_ flags: String, _ reason: String, apply: @escaping @Sendable (Recipe) -> Recipe?) {
      words = flags
      self.reason = reason
      self.apply = apply
    }

    /// What to do, as flags.
    package func flags(to recipe: Recipe) -> String {
      words == "--optimizer" ? "\(words) \(recipe.optimizer.kind.rawValue)" : words
    }
  }

  package let name: Name
  package let cost: Remedy.Cost
  /// Ways to pull it, the mildest first.
  package let options: [Option]
  /// Whether a way never has a higher floor than a milder one or than none, whatever else is changed.
  ///
  /// The others are tried out in every way where something is to be ruled out.
  package let isSteady: Bool

  package init(_ name: Name, _ cost: Remedy.Cost, isSteady: Bool, _ options: [Option]) {
    self.name = name
    self.cost = cost
    self.isSteady = isSteady
    self.options = options
  }
}
