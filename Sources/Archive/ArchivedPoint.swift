/// One point of a grid as an archive keeps it; its words are the writer's own.
public struct ArchivedPoint: Hashable, Sendable {
  /// Its place in the whole grid, from 0, whichever shard it is in.
  public let place: Int
  /// The settings that make it, as text.
  public let settings: String
  /// What it is identified by: equal keys have equal results; empty where nothing is to be computed.
  public let key: String

  public init(place: Int, settings: String, key: String) {
    self.place = place
    self.settings = settings
    self.key = key
  }
}

/// A result under the key of what it is of.
public struct ArchivedResult: Hashable, Sendable {
  public let key: String
  public let outcome: String

  public init(key: String, outcome: String) {
    self.key = key
    self.outcome = outcome
  }
}

/// What all results of one archive have in common, and the grid that they are of.
public struct ArchivedSweep: Hashable, Sendable {
  /// By name: what must be equal for results to stand beside each other.
  public let identity: [String: String]
  /// The grid as it was last asked for; it may grow.
  public let grid: String
  /// Points of the whole grid, those of other shards too.
  public let count: Int

  public init(identity: [String: String], grid: String, count: Int) {
    self.identity = identity
    self.grid = grid
    self.count = count
  }
}
