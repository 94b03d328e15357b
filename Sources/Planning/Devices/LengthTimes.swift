public import Modeling

/// How long micro-batches of different lengths take, from three that were walked.
///
/// Products between tokens and weights grow with the length, attention's with its square, and so do the bytes of each:
/// three lengths tell all others (Lagrange's formula). Sliding windows bend the square where they begin; the walked
/// lengths are near enough for what they take of a step.
public struct LengthTimes: Sendable {
  private let points: [(length: Double, part: StepTime.Part)]
  /// The optimizer's step.
  let update: StepTime.Part
  let roofline: Roofline

  /// - Parameters:
  ///   - range: the lengths that micro-batches have.
  /// - Throws: ``PlanError`` for what has no rule.
  public init(
    _ spec: ModelSpec, _ recipe: Recipe, lengths range: ClosedRange<Int>, on device: Device
  ) throws(PlanError) {
    let (low, high) = (max(1, range.lowerBound), max(1, range.upperBound))
    var lengths = [low]
    for length in [(low + high) / 2, high] where length > (lengths.last ?? 0) { lengths.append(length) }
    var points: [(length: Double, part: StepTime.Part)] = []
    var last: StepTime?
    for length in lengths {
      guard let changed = recipe.changed(RecipeChange(sequence: length)) else { continue }
      let time = try Planner.stepTimeByDepth(spec, changed, on: device)
      points.append((Double(length), time.microBatch))
      last = time
    }
    let whole: StepTime
    if let last { whole = last } else { whole = try Planner.stepTimeByDepth(spec, recipe, on: device) }
    self.points = points.isEmpty ? [(Double(recipe.batch.sequence), whole.microBatch)] : points
    update = whole.update
    roofline = Roofline(recipe, whole, on: device)
  }

  /// The lengths that a data set's micro-batches have; `nil` without a device, for the engine, and without samples.
  ///
  /// - Parameter sequence: where samples are cut.
  init?(
    _ spec: ModelSpec, _ recipe: Recipe, of samples: SampleLengths, cutAt sequence: Int, on device: Device?
  ) throws(PlanError) {
    guard let device, recipe.stack.isTorch, let summary = samples.summary else { return nil }
    try self.init(spec, recipe, lengths: min(summary.minimum, sequence)...sequence, on: device)
  }

  /// Forward and backward of a micro-batch of this length.
  func microBatch(at length: Int) -> StepTime.Part {
    var part = StepTime.Part.nothing
    for (place, point) in points.enumerated() {
      var share = 1.0
      for (other, another) in points.enumerated() where other != place {
        share *= (Double(length) - another.length) / (point.length - another.length)
      }
      part = part + share * point.part
    }
    return part
  }
}
