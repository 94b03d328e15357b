public import Modeling

/// How long a run is that steps are planned for, whatever the recipe: what a recipe makes of it differs.
public enum WholeRun: Sendable {
  /// Through a data set, whose samples are cut at so many tokens.
  case data(MeasuredData, sequence: Int)
  /// Through so many tokens or samples, each step as long as the planned one.
  case extent(RunTime.Extent, epochs: Double)

  /// What it comes to under one recipe.
  public struct Time: Hashable, Sendable {
    /// Optimizer steps of all epochs.
    public let steps: Int
    /// Of the run; `nil` where no device is known.
    public let seconds: Seconds?

    /// Expected, of the run.
    public var hours: Double? { seconds.map { $0.expected / 3600 } }

    package init(steps: Int, seconds: Seconds?) {
      self.steps = steps
      self.seconds = seconds
    }
  }

  /// Steps and seconds under a recipe, the same as ``DataStudy`` and ``RunTime`` have.
  ///
  /// - Parameters:
  ///   - device: what seconds are of; without one there are none.
  ///   - speed: of a step there.
  /// - Throws: ``PlanError`` for what has no rule.
  public func time(
    _ spec: ModelSpec, _ recipe: Recipe, on device: Device?, speed: Roofline?
  ) throws(PlanError) -> Time {
    switch self {
    case .data(let data, let sequence):
      let times = try LengthTimes(spec, recipe, of: data.samples, cutAt: sequence, on: device)
      let epoch = Epoch(data.order, lengths: data.samples.lengths, sequence: sequence, recipe, times: times)
      return Time(
        steps: RunTime.whole(data.epochs * Double(epoch.steps)), seconds: epoch.seconds.map { data.epochs * $0 })
    case .extent(let extent, let epochs):
      let time = RunTime(extent, epochs: epochs, recipe, step: speed?.seconds)
      return Time(steps: time.steps, seconds: time.seconds)
    }
  }
}
