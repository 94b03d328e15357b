public import Modeling

/// Parameters that train with a learning rate or a decay of their own.
public struct ParameterGroup: Hashable, Sendable {
  /// Parts of names; a parameter belongs to the first group one of whose parts is in its name.
  public let matches: [String]
  /// What the schedule's rate is multiplied with.
  public let learningRateFactor: Double
  /// In place of the recipe's weight decay.
  public let weightDecay: Double?

  /// - Throws: `RecipeError` for a factor or a decay that no optimizer can use, or a group that can match nothing.
  public init(
    matches: [String], learningRateFactor: Double = 1, weightDecay: Double? = nil
  ) throws(RecipeError) {
    guard !matches.isEmpty, !matches.contains("") else {
      throw .outOfRange("group", "empty", "a part of a parameter's name")
    }
    guard learningRateFactor.isFinite, learningRateFactor >= 0 else {
      throw .outOfRange("group", "\(learningRateFactor)", "a factor from 0 up")
    }
    if let weightDecay, !(weightDecay.isFinite && weightDecay >= 0) {
      throw .outOfRange("group", "\(weightDecay)", "a weight decay from 0 up")
    }
    self.matches = matches
    self.learningRateFactor = learningRateFactor
    self.weightDecay = weightDecay
  }

  /// Whether a parameter of this name belongs to the group.
  public func contains(_ name: String) -> Bool { matches.contains { name.contains($0) } }
}
