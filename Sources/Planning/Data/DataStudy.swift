public import Modeling

/// What a data set makes of a recipe: its longest micro-batch, what padding wastes, what packing gains, and the run.
public struct DataStudy: Sendable {
  /// The file as it was named.
  public let name: String
  public let samples: SampleLengths
  /// Tokens at which samples are cut.
  public let sequence: Int
  /// Rows of a micro-batch.
  public let microBatch: Int
  /// One pass in every order.
  public let epochs: [Epoch]
  /// The order in which the run goes.
  public let order: RowOrder
  /// How often the run goes through the data.
  public let passes: Double

  /// - Parameters:
  ///   - sequence: where samples are cut, and how long packed rows are.
  ///   - device: what times are of; without one there are none.
  /// - Throws: ``PlanError`` for what has no rule.
  public init(
    name: String, _ samples: SampleLengths, _ spec: ModelSpec, _ recipe: Recipe, sequence: Int, order: RowOrder,
    passes: Double = 1, on device: Device?
  ) throws(PlanError) {
    self.name = name
    self.samples = samples
    self.sequence = sequence
    self.order = order
    self.passes = passes
    microBatch = recipe.batch.microBatch
    let times = try LengthTimes(spec, recipe, of: samples, cutAt: sequence, on: device)
    epochs = RowOrder.allCases.map {
      Epoch($0, lengths: samples.lengths, sequence: sequence, recipe, times: times)
    }
  }

  /// The pass that the run repeats.
  public var epoch: Epoch? { epochs.first { $0.order == order } }

  /// Samples that are cut.
  public var cutSamples: Int { samples.beyond(sequence) }

  /// Tokens that cutting leaves out, of all.
  public var cutShare: Double { samples.cutShare(at: sequence) }

  /// Tokens of the micro-batch in which the longest samples come together: the one that decides the memory.
  ///
  /// Rows are padded to the longest, so that one longest sample suffices.
  public var worstMicroBatchTokens: Int { microBatch * min(samples.lengths.max() ?? 0, sequence) }

  /// Optimizer steps of all passes.
  public var steps: Int { RunTime.whole(passes * Double(epoch?.steps ?? 0)) }

  /// Of all passes; `nil` where no device is known.
  public var seconds: Seconds? { epoch?.seconds.map { passes * $0 } }

  /// How many times as fast packed rows go through the data as shuffled samples; `nil` where no device is known.
  public var packingGain: Double? {
    guard let random = epochs.first(where: { $0.order == .random })?.seconds,
      let packed = epochs.first(where: { $0.order == .packed })?.seconds, packed.expected > 0
    else { return nil }
    return random.expected / packed.expected
  }
}
