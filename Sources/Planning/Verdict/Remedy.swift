public import Bookkeeping
public import Modeling

/// One change to a recipe, planned anew, and what it does to the memory.
public struct Remedy: Sendable {
  /// What a change costs beside memory; a receipt lists the cheaper first.
  public enum Cost: String, CaseIterable, Hashable, Sendable, Codable {
    /// The same result in the same time or less.
    case free
    /// The same result, later.
    case time
    /// Other arithmetic or another method, close to the old one.
    case fidelity
    /// Another task: shorter sequences.
    case task
  }

  /// What to do, as flags: `--loss chunked`.
  public let change: String
  /// What it does and what it costs, in a sentence.
  public let reason: String
  public let cost: Cost
  /// The step with the change made.
  public let recipe: Recipe
  /// Device bytes of the changed step.
  public let device: Interval
  /// Expected device bytes that the change saves.
  public let saved: Bytes
  /// Whether the change alone makes the step fit, by the expected bytes.
  public let suffices: Bool
}
