import Modeling
import Texts
import Training

/// A line of a data file that cannot be used.
struct BadDataLine: Error, CustomStringConvertible {
  let path: String
  let problem: LineProblem

  var description: String { "\(path), \(problem): put it right, or leave such lines out with --skip-bad-lines" }
}

/// The examples of a run, tokenized, split and put into batches.
struct RunData {
  let report: DataReport
  /// Tokens of a sequence, padding included: what the recipe's `--seq` becomes.
  let sequence: Int
  private(set) var training: BatchSource
  let evaluation: [Trainer.MicroBatch]
  let evaluationExamples: Int
  let trainingExamples: Int
  /// A number for all tokens and labels in their order, by which a resumed run knows its data again.
  let fingerprint: String

  /// - Parameter sequence: the longest sequence; without it 1024 or what the model was made for, and no longer than the
  ///   longest example.
  init(
    _ options: RunOptions, tokenizer: Tokenizer, sequence: Int?, microBatch: Int, maximumPositions: Int
  ) throws {
    let limit = sequence ?? min(1024, maximumPositions)
    let set = try RunData.read(options.data, options, tokenizer: tokenizer, length: limit)
    let apart = try options.evalData.map { try RunData.read($0, options, tokenizer: tokenizer, length: limit) }
    report = set.report
    let longest = set.examples.map(\.tokens.count).max() ?? limit
    // Multiples of 8 keep rows aligned; a length that was asked for is taken as it is.
    let length = sequence ?? (options.packing ? limit : min(limit, (max(2, longest) + 7) / 8 * 8))
    self.sequence = length
    let share = options.evalFraction ?? 0.1
    var examples = (training: set.examples, evaluation: apart?.examples ?? [])
    if apart == nil, share > 0, set.examples.count > 1 {
      let count = min(set.examples.count - 1, max(1, Int((share * Double(set.examples.count)).rounded())))
      examples = try set.split(evaluation: .count(count), seed: options.seedValue)
    }
    // Truncation can leave an example without a label to learn; the report lists such lines.
    examples.training.removeAll { $0.trainedTokens == 0 }
    guard !examples.training.isEmpty else { throw TrainingError.nothingToLearn }
    trainingExamples = examples.training.count
    evaluationExamples = examples.evaluation.count
    let padding = tokenizer.specialTokens.padding ?? tokenizer.specialTokens.end ?? 0
    var batches = BatchOptions(
      rows: microBatch, rowLength: .fixed(length), packing: options.packing ? .firstFit : nil)
    batches.seed = options.seedValue
    training = try BatchSource(examples.training, options: batches, padding: padding)
    evaluation = try RunData.evaluationBatches(examples.evaluation, rows: microBatch, length: length, padding: padding)
    fingerprint = RunData.fingerprint(set.examples + (apart?.examples ?? []))
  }

  private static func read(
    _ path: String, _ options: RunOptions, tokenizer: Tokenizer, length: Int
  ) throws -> DataSet {
    do {
      return try DataSet(path: path, tokenizer: tokenizer, options: options.dataOptions(length: length))
    } catch {
      guard case .badLine(let problem) = error else { throw error }
      throw BadDataLine(path: path, problem: problem)
    }
  }

  /// Steps that one look at every training example takes.
  func stepsPerEpoch(accumulation: Int) -> Int { (training.batchesPerEpoch + accumulation - 1) / accumulation }

  var state: BatchSource.State { training.state }

  mutating func resume(from state: BatchSource.State) throws { try training.resume(from: state) }

  /// The micro-batches of the next step.
  mutating func next(_ count: Int) -> [Trainer.MicroBatch] {
    (0..<count).map { _ in
      let batch = training.next()
      return Trainer.MicroBatch(tokens: batch.tokens, labels: batch.labels)
    }
  }

  private static func evaluationBatches(
    _ examples: [EncodedExample], rows: Int, length: Int, padding: Int32
  ) throws -> [Trainer.MicroBatch] {
    // Truncation can leave an example without a single label: nothing to evaluate on.
    let useful = examples.filter { $0.trainedTokens > 0 }
    guard !useful.isEmpty else { return [] }
    var options = BatchOptions(rows: rows, rowLength: .fixed(length))
    options.shuffles = false
    var source = try BatchSource(useful, options: options, padding: padding)
    return (0..<source.batchesPerEpoch).map { _ in
      let batch = source.next()
      return Trainer.MicroBatch(tokens: batch.tokens, labels: batch.labels)
    }
  }

  private static func fingerprint(_ examples: [EncodedExample]) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for example in examples {
      for value in example.tokens + example.labels {
        hash = (hash ^ UInt64(UInt32(bitPattern: value))) &* 0x0000_0100_0000_01b3
      }
    }
    return String(hash, radix: 16)
  }
}
