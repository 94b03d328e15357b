public import Modeling

/// The longest sequence of a method that a card carries, or the smallest set of changes that makes one of a given length
/// fit.
public struct LongestFit: Sendable {
  public enum Answer: Sendable {
    /// The sequence fits as things are; this is the longest that does.
    case longest(Int)
    /// The sequence does not fit; the smallest set of changes under which it does, and the longest that fits without it.
    case changes(RemedySet, longest: Int?)
    /// No changes make it fit; the longest that fits as things are.
    case nothing(longest: Int?)
    /// The sentence of the error.
    case refused(String)
  }

  public let spec: ModelSpec
  public let method: ComparedMethod
  public let device: Device
  public let answer: Answer

  /// - Parameter request: the recipe, with the sequence that is wanted.
  public init(_ spec: ModelSpec, _ request: RecipeRequest, _ method: ComparedMethod, on device: Device) {
    self.spec = spec
    self.method = method
    self.device = device
    answer = LongestFit.answer(spec, method.request(within: request), device)
  }

  private static func answer(_ spec: ModelSpec, _ request: RecipeRequest, _ device: Device) -> Answer {
    do {
      let resolved = try request.resolved(for: spec)
      let reach = Reach(spec, resolved.recipe, budget: device.usable, device: device)
      let longest = reach.largestSequence
      if let longest, longest >= resolved.recipe.batch.sequence { return .longest(longest) }
      let estimates = reach.estimates
      let speed: @Sendable (Recipe) -> Double? = { Planner.speed(spec, $0, on: device)?.expected }
      // A shorter sequence is the answer that is given anyway.
      if let set = RemedySet.smallest(for: resolved.recipe, estimates, mayShorten: false, speed: speed) {
        return .changes(set, longest: longest)
      }
      // As a plan would say it.
      _ = try Planner.deviceBytes(spec, resolved.recipe, device: device)
      return .nothing(longest: longest)
    } catch { return .refused("\(error)") }
  }
}
