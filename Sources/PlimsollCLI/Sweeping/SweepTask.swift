import Bookkeeping
import Modeling
import Planning

/// What a sweep does at its points.
enum SweepMode: Hashable {
  /// Plans them.
  case planned
  /// Runs steps of the engine on random tokens and weights from a seed, as `check` does.
  case checked
  /// Trains with the engine on examples, as `run` does.
  case trained

  var isRun: Bool { self != .planned }
}

/// Something to compute, which several points may ask for.
struct SweepTask {
  let spec: ModelSpec
  let resolved: ResolvedRecipe
  let device: Device?
  let threads: Int
  /// The arguments of the program that does the same, after the command's name.
  let words: [String]

  /// What two tasks that come to the same have in common.
  struct Identity: Hashable {
    let spec: ModelSpec
    let recipe: Recipe
    let device: String?
    let threads: Int
    /// Of a run: all that it is told.
    let words: [String]
  }

  func identity(_ mode: SweepMode) -> Identity {
    Identity(
      spec: spec, recipe: resolved.recipe, device: device?.name, threads: threads, words: mode.isRun ? words : [])
  }
}

/// One place of the grid, read.
struct SweepPoint {
  enum Asked {
    case task(SweepTask)
    case refused(String)
  }

  let place: Int
  /// A value for each name of the axes; `nil` where the method has no use for it.
  let values: [String?]
  let budget: Bytes?
  /// Settings that were left out, because the method has no use for them.
  let unused: [String]
  let asked: Asked
}
