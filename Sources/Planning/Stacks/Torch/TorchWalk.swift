public import Bookkeeping
public import Modeling

/// The walk of the stacks on PyTorch.
public enum TorchWalk {
  public struct Result: Sendable {
    public let journal: Journal
    public let assumptions: [String]
  }

  public static func journal(_ spec: ModelSpec, _ recipe: Recipe) throws(PlanError) -> Result {
    throw .notModeled(what: "a training step", stack: recipe.stack, advice: "plan --stack plimsoll")
  }
}
