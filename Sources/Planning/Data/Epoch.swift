public import Modeling

/// One pass over a data set in one order: steps, padding, and the time of it.
public struct Epoch: Hashable, Sendable {
  public let order: RowOrder
  /// Rows that micro-batches take: samples, or packed rows of them.
  public let rows: Int
  /// Optimizer steps.
  public let steps: Int
  /// Tokens of samples.
  public let tokens: Int
  /// Tokens that run through the model, padding included, on all GPUs.
  public let paddedTokens: Int
  /// Of the pass; `nil` where no device is known.
  public let seconds: Seconds?

  /// Tokens that are no sample's, of all.
  public var paddingShare: Double {
    paddedTokens == 0 ? 0 : 1 - Double(tokens) / Double(paddedTokens)
  }

  /// Tokens of samples a second, of all GPUs together.
  public var tokensPerSecond: Double? { rate(tokens) }

  /// Tokens a second, padding included, of all GPUs together.
  public var paddedTokensPerSecond: Double? { rate(paddedTokens) }

  private func rate(_ count: Int) -> Double? {
    seconds.flatMap { $0.expected > 0 ? Double(count) / $0.expected : nil }
  }

  /// Goes through a data set once.
  ///
  /// - Parameters:
  ///   - lengths: of samples, in tokens; what is beyond `sequence` is cut.
  ///   - sequence: the longest row.
  ///   - times: how long micro-batches take; `nil` where no device is known.
  public init(
    _ order: RowOrder, lengths: [Int], sequence: Int, _ recipe: Recipe, times: LengthTimes?, seed: UInt64 = 0
  ) {
    let batch = recipe.batch
    let replicas = recipe.parallelism.replicas
    let cut = lengths.map { min($0, sequence) }
    let rowLengths = order.rowLengths(cut, sequence: sequence, rows: batch.microBatch, seed: seed)
    let microBatches = RunTime.divided(rowLengths.count, batch.microBatch)
    let perStep = replicas * batch.accumulation
    var (padded, seconds) = (0, Seconds.none)
    var known: [Int: StepTime.Part] = [:]
    func part(_ length: Int, _ times: LengthTimes) -> StepTime.Part {
      if let part = known[length] { return part }
      let part = times.microBatch(at: length)
      known[length] = part
      return part
    }
    for start in stride(from: 0, to: microBatches, by: perStep) {
      // GPUs take micro-batches in turn and wait for the slowest of them.
      var work = Array(repeating: [StepTime.Part](), count: replicas)
      for place in start..<min(start + perStep, microBatches) {
        let members = rowLengths[place * batch.microBatch..<min((place + 1) * batch.microBatch, rowLengths.count)]
        let longest = members.max() ?? 0
        padded += members.count * longest
        if let times { work[place % replicas].append(part(longest, times)) }
      }
      guard let times else { continue }
      let slowest = work.map { times.roofline.seconds(of: $0, times.update) }.max { $0.expected < $1.expected }
      seconds = seconds + (slowest ?? .none)
    }
    self.order = order
    rows = rowLengths.count
    steps = RunTime.divided(microBatches, perStep)
    tokens = cut.reduce(0, +)
    paddedTokens = padded
    self.seconds = times == nil ? nil : seconds
  }
}
