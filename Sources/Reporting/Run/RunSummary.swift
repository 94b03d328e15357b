public import Bookkeeping

/// What a run came to: the values that `run` prints at its end.
public struct RunSummary: Sendable {
  /// A loss on examples that are not trained on.
  public struct Evaluation: Hashable, Sendable {
    public let step: Int
    public let loss: Double

    public init(step: Int, loss: Double) {
      self.step = step
      self.loss = loss
    }

    /// e^loss: how many tokens the model is torn between, on average.
    public var perplexity: Double { Exponential.of(loss) }
  }

  public var title = ""
  public var steps = 0
  public var firstLoss = Double.nan
  public var lastLoss = Double.nan
  public var evaluations: [Evaluation] = []
  /// Tokens run through the model, padding included.
  public var tokens = 0
  /// Seconds inside steps.
  public var seconds = 0.0
  /// Operations of one step by the plan, matrix products and all.
  public var flopsPerStep = FLOPs.zero
  public var productFLOPsPerStep = FLOPs.zero
  /// The machine's measured ceiling of matrix products, operations a second.
  public var productPeak = 0.0
  public var planned: Peak?
  public var measured: Peak?
  public var isBalanced = false
  public var residentGrowth: Bytes?
  public var files: [String] = []
  public var notes: [String] = []
  public var stamp: [String] = []

  public init() {}

  public var tokensPerSecond: Double { seconds > 0 ? Double(tokens) / seconds : 0 }
  public var flopsPerSecond: Double { seconds > 0 ? Double(flopsPerStep.count) * Double(steps) / seconds : 0 }
  /// The share of the machine's product ceiling that the step's products came to.
  public var peakShare: Double {
    seconds > 0 && productPeak > 0
      ? Double(productFLOPsPerStep.count) * Double(steps) / seconds / productPeak : 0
  }
}
