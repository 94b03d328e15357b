import Bookkeeping
public import Modeling

/// What one method can do within a budget.
public struct MethodCapacity: Sendable {
  /// The step as it was asked for, with this method.
  public let recipe: Recipe
  /// Its device bytes.
  public let device: Interval
  public let fits: Bool
  /// The smallest set of changes that makes a misfit fit.
  public let remedy: RemedySet?
  /// The longest sequence, one at a time; of a misfit, with the changes of ``remedy``, as everything below.
  public let sequence: Reach.Stretch?
  /// The largest micro-batch at the recipe's sequence.
  public let microBatch: Reach.Stretch?
  /// The largest rank at the recipe's batch; `nil` where there are no low-rank adapters too.
  public let rank: Reach.Stretch?
  /// The largest micro-batch of every sequence.
  public let frontier: [Point]
  /// The fastest recipe that fits; `nil` where none does.
  public let fastest: FastRecipe?

  /// A sequence and the largest micro-batch of it that fits; `nil` if not even one does.
  public struct Point: Hashable, Sendable {
    public let sequence: Int
    public let microBatch: Int?
  }

  /// Whether anything of the method fits, if only with changes.
  public var isPossible: Bool { fits || remedy != nil }
}
