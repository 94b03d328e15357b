import Modeling

/// How long a whole run takes: steps, and the seconds of all of them.
public struct RunTime: Hashable, Sendable {
  /// What the run goes through.
  public enum Extent: Hashable, Sendable {
    /// So many tokens, padding included.
    case tokens(Int)
    /// So many samples, one a sequence.
    case samples(Int)
  }

  public let extent: Extent
  public let epochs: Double
  /// Optimizer steps of all epochs.
  public let steps: Int
  /// Tokens of all epochs and GPUs, padding included.
  public let tokens: Int
  /// Of the run; `nil` where no device is known.
  public let seconds: Seconds?

  /// Every step as long as the plan's.
  ///
  /// An epoch ends with a step of fewer micro-batches where they don't come out even, as the Trainer's does.
  public init(_ extent: Extent, epochs: Double, plan: Plan) {
    self.init(extent, epochs: epochs, plan.recipe, step: plan.throughput?.seconds)
  }

  /// Every step as long as `step`; without one there are no seconds.
  init(_ extent: Extent, epochs: Double, _ recipe: Recipe, step: Seconds?) {
    let batch = recipe.batch
    let replicas = recipe.parallelism.replicas
    self.extent = extent
    self.epochs = epochs
    switch extent {
    case .tokens(let count):
      steps = RunTime.whole(epochs * Double(count) / Double(batch.tokensPerStep * replicas))
      tokens = RunTime.whole(epochs * Double(count))
    case .samples(let count):
      let each = RunTime.steps(samples: count, batch, replicas: replicas)
      steps = RunTime.whole(epochs * Double(each))
      tokens = RunTime.whole(epochs * Double(count) * Double(batch.sequence))
    }
    let steps = steps
    seconds = step.map { Double(steps) * $0 }
  }

  /// Steps of an epoch of so many samples.
  ///
  /// Every GPU takes its micro-batches in turn, the last one filled up, and a step may end early
  /// (transformers/trainer.py, `set_initial_training_values`: whole updates and one more for the rest).
  static func steps(samples: Int, _ batch: BatchShape, replicas: Int) -> Int {
    let microBatches = divided(divided(samples, batch.microBatch), replicas)
    return divided(microBatches, batch.accumulation)
  }

  /// Rounded up.
  static func divided(_ count: Int, _ parts: Int) -> Int { count / parts + (count.isMultiple(of: parts) ? 0 : 1) }

  /// Rounded up, within what can be counted.
  static func whole(_ value: Double) -> Int { Int(min(value.rounded(.up), 1e18)) }
}
