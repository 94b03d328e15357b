import Bookkeeping
import Modeling

enum EngineWalk {
  static func journal(_ spec: ModelSpec, _ recipe: Recipe, threads: Int) throws(PlanError) -> Journal {
    throw .notModeled(what: "a training step", stack: recipe.stack, advice: "wait")
  }
}
