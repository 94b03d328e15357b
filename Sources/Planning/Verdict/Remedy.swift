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
    /// Another arithmetic or another method, close to the old one.
    case fidelity
    /// Another task: shorter sequences, another batch.
    case task
  }

  /// What to do, as flags: `--loss chunked`.
  public let change: String
  /// What it costs and why, in a sentence.
  public let reason: String
  public let cost: Cost
  /// The step with the change made.
  public let recipe: Recipe
  /// Device bytes of the changed step.
  public let device: Interval
  /// Expected device bytes that the change saves.
  public let saved: Bytes
  /// Whether the change alone makes the step fit.
  public let suffices: Bool
}

/// What would change a verdict, and how far a fitting recipe can be stretched.
public struct Remedies: Sendable {
  /// Single changes that save memory, cheapest first; among equals, the most saved first.
  public let changes: [Remedy]
  /// The longest sequence that fits with everything else as it is; `nil` if not even one token does.
  public let largestSequence: Int?
  /// The largest micro-batch that fits with everything else as it is; `nil` if not even one sequence does.
  public let largestMicroBatch: Int?

  /// Plans every change to the plan of `verdict` for real.
  public static func seek(_ verdict: Verdict, threads: Int = 1) -> Remedies {
    Remedies(changes: [], largestSequence: nil, largestMicroBatch: nil)
  }
}
