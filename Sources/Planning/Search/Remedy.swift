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
  /// The step with the change made, after those before it where it is one of several.
  public let recipe: Recipe
  /// Device bytes of the changed step.
  public let device: Interval
  /// Expected device bytes that the change saves; below zero where it only pays together with others.
  public let saved: Bytes
  /// Whether the step fits with the change made, by the expected bytes.
  public let suffices: Bool
  /// Tokens a second with the change made; `nil` where no device is known.
  public let tokensPerSecond: Double?
}

/// The smallest set of changes that makes a step fit.
public struct RemedySet: Sendable {
  /// The changes, the cheapest first, each on top of those before it.
  public let changes: [Remedy]
  /// The step with all of them made.
  public let recipe: Recipe
  /// Its device bytes.
  public let device: Interval
  /// Tokens a second before any change; `nil` where no device is known.
  public let tokensPerSecondBefore: Double?

  /// All flags together: `--checkpointing --optimizer adamw-8bit`.
  public var flags: String {
    let optimizer = changes.last { $0.change.hasPrefix("--optimizer ") }?.change
    // An optimizer that a later change takes further is named once.
    return changes.map(\.change).filter { !$0.hasPrefix("--optimizer ") || $0 == optimizer }.joined(separator: " ")
  }
}
