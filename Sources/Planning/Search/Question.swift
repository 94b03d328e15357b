import Bookkeeping
import Modeling

/// One thing to find out about a recipe, independent of the others.
enum Question: Sendable {
  case stretch(Axis), point(Int), fastest

  enum Answer: Sendable {
    case stretch(Axis, Reach.Stretch?)
    case point(MethodCapacity.Point)
    case fastest(FastRecipe?)
  }

  /// The slow ones first, so that the last thread is not long alone.
  static func all(_ spec: ModelSpec) -> [Question] {
    [.fastest] + Axis.allCases.map(Question.stretch) + Capacity.sequences(of: spec).map(Question.point)
  }

  func answer(_ recipe: Recipe, _ estimates: Estimates, on card: Device, _ run: WholeRun?) -> Answer {
    let reach = Reach(recipe, estimates)
    switch self {
    case .stretch(.sequence): return .stretch(.sequence, reach.with(microBatch: 1)?.stretch(.sequence))
    case .stretch(let axis): return .stretch(axis, reach.stretch(axis))
    case .point(let sequence):
      let batch = reach.with(sequence: sequence)?.stretch(.microBatch)?.largest
      return .point(MethodCapacity.Point(sequence: sequence, microBatch: batch))
    case .fastest: return .fastest(FastRecipe.find(recipe, estimates, on: card, run: run))
    }
  }
}

extension MethodCapacity {
  init(_ asked: Capacity.Asked, budget: Bytes, _ answers: [Question.Answer]) {
    var stretches: [Axis: Reach.Stretch] = [:]
    var frontier: [Point] = []
    var fastest: FastRecipe?
    for answer in answers {
      switch answer {
      case .stretch(let axis, let stretch): stretches[axis] = stretch
      case .point(let point): frontier.append(point)
      case .fastest(let found): fastest = found
      }
    }
    self.init(
      recipe: asked.recipe, device: asked.device, fits: asked.device.expected <= budget, remedy: asked.remedy,
      sequence: stretches[.sequence], microBatch: stretches[.microBatch], rank: stretches[.rank], frontier: frontier,
      fastest: fastest)
  }
}
