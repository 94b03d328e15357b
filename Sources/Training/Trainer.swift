public import Bookkeeping
import Kernels
public import Modeling

/// Trains a Llama-type model: owns the arena, the weights and the optimizer, and runs one step at a time.
public final class Trainer {
  public let spec: ModelSpec
  public let recipe: Recipe
  public let arena: Arena
  /// Parameters with a learning rate or a decay of their own.
  public var groups: [ParameterGroup] {
    get { update.groups }
    set { update.groups = newValue }
  }
  /// What trains, in the order of the books.
  public let trained: [ParameterTensor]
  /// Threads that the run was set up for.
  public let threads: Int
  /// Steps taken so far.
  public private(set) var stepCount = 0

  private let all: [String: ParameterTensor]
  let decoder: any StepRunner
  private var update: ParameterUpdate
  /// Where gradients are consumed in backward.
  private let consumer: GradientConsumer?
  var tokens: Tensor<Int32>  // [B, S]
  var labels: Tensor<Int32>  // [B, S]
  private let seed: UInt64

  /// Loads the weights and opens everything that lives as long as the training does.
  ///
  /// - Parameters:
  ///   - source: the base model's numbers.
  ///   - mapsWeights: whether frozen weights are read where they lie in a file, if they are there in their format.
  ///   - seed: adapters' initial weights and dropout follow from it.
  ///   - limit: bytes beyond which the arena refuses to go.
  public init(
    _ spec: ModelSpec, _ recipe: Recipe, source: some WeightSource, mapsWeights: Bool = false, seed: UInt64 = 0,
    limit: Bytes? = nil
  ) throws {
    if let reason = spec.engineRefusal(for: recipe) { throw TrainingError.unsupported(reason) }
    try recipe.validate(for: spec)
    self.spec = spec
    self.recipe = recipe
    self.seed = seed
    threads = EngineThreads.count
    arena = Arena(clock: StepClock(spec: spec, recipe: recipe), limit: limit)
    arena.advance(to: .load)
    let model = try LoadedModel(spec, recipe, source: source, mapsWeights: mapsWeights, seed: seed, in: arena)
    trained = model.trained
    all = model.parameters
    update = ParameterUpdate(optimizer: recipe.optimizer)
    consumer =
      recipe.choices.stepsInBackward
      ? GradientConsumer(sharedTable: spec.tiesEmbeddings ? spec.embeddingName : nil, in: arena) : nil
    for parameter in trained {
      try update.open(for: parameter, in: arena)
      parameter.consumer = consumer
    }
    decoder = try model.runner(threads: threads, in: arena)
    let shape: Shape = [recipe.batch.microBatch, recipe.batch.sequence]
    tokens = try arena.open(TensorName.tokens, .batch, shape)
    labels = try arena.open(TensorName.labels, .batch, shape)
    arena.atEnd = { [weak consumer] instant in consumer?.drain(after: instant) }
    arena.rest()
  }

  /// Tokens of one micro-batch, sequence after sequence, and their labels, unshifted; -100 marks what isn't learned.
  public struct MicroBatch: Hashable, Sendable {
    public let tokens: [Int32]
    public let labels: [Int32]

    public init(tokens: [Int32], labels: [Int32]) {
      self.tokens = tokens
      self.labels = labels
    }
  }

  /// What a step learned and what it cost.
  public struct StepResult: Sendable {
    public let step: Int
    /// Mean loss over the step's counted labels, before the update.
    public let loss: Double
    /// The norm of all gradients together, before clipping (torch `clip_grad_norm_`), wherever they were consumed.
    public let gradientNorm: Double
    /// Tokens run through the model.
    public let tokens: Int
    /// Labels that the loss is the mean of.
    public let counted: Int
    public let seconds: Double
    public let profile: StepProfile
    /// The books of this step.
    public let ledger: Ledger

    public var tokensPerSecond: Double { Double(tokens) / seconds }
  }

  /// Runs one optimizer step over the recipe's micro-batches.
  ///
  /// - Parameters:
  ///   - learningRate: overrides the recipe's, for a schedule.
  ///   - maximumGradientNorm: gradients are scaled down together to this norm, if theirs is larger.
  public func step(
    _ microBatches: [MicroBatch], learningRate: Double? = nil, maximumGradientNorm: Double? = nil
  ) throws -> StepResult {
    if consumer != nil, maximumGradientNorm != nil { throw TrainingError.clippingInBackward }
    let started = ContinuousClock.now
    let learningRate = learningRate ?? recipe.optimizer.learningRate
    consumer?.begin(
      update, step: stepCount + 1, learningRate: learningRate, roundingSeed: seed(ofStep: stepCount + 1))
    let (loss, counted) = try accumulateGradients(microBatches)
    stepCount += 1
    arena.advance(to: .optimizer)
    let norm = try consumer?.finish() ?? gradientNorm
    guard loss.isFinite, norm.isFinite else {
      for parameter in trained { parameter.gradient.close() }
      throw TrainingError.lossIsNotFinite(step: stepCount)
    }
    let scale = maximumGradientNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
    for parameter in trained {
      try update.apply(
        to: parameter, step: stepCount, learningRate: learningRate, gradientScale: Float(scale),
        roundingSeed: seed(ofStep: stepCount), in: arena)
    }
    arena.advance(to: .zeroGrad)
    for parameter in trained { parameter.gradient.close() }
    arena.rest()
    let (whole, fraction) = (ContinuousClock.now - started).components
    return StepResult(
      step: stepCount, loss: loss, gradientNorm: norm, tokens: recipe.batch.tokensPerStep, counted: counted,
      seconds: Double(whole) + Double(fraction) * 1e-18, profile: arena.profile,
      ledger: Ledger(posting: arena.journal))
  }

  /// Forward and backward of every micro-batch: gradients are open afterwards, weights as before.
  ///
  /// - Returns: the mean loss and the number of labels it is the mean of.
  public func accumulateGradients(_ microBatches: [MicroBatch]) throws -> (loss: Double, counted: Int) {
    guard microBatches.count == recipe.batch.accumulation else {
      throw TrainingError.microBatchCount(microBatches.count, expected: recipe.batch.accumulation)
    }
    for batch in microBatches { try check(batch) }
    // The first step's books begin with the loading that came before it.
    if hasRun { arena.beginStep() }
    hasRun = true
    arena.resetProfile()
    let shifted = microBatches.map { shift($0.labels) }
    let counted = shifted.reduce(0) { $0 + $1.count { $0 != CrossEntropy.ignoredLabel } }
    guard counted > 0 else { throw TrainingError.nothingToLearn }
    var sum = 0.0
    for (index, batch) in microBatches.enumerated() {
      write(batch.tokens, to: &tokens)
      write(shifted[index], to: &labels)
      let part = StepPart(
        index: index, gradientScale: Float(1 / Double(counted)),
        dropoutSeed: seed(ofStep: stepCount) &+ UInt64(index) &* 0xbf58_476d_1ce4_e5b9)
      sum += try decoder.step(part, tokens: tokens.span, labels: labels.span)
    }
    return (sum / Double(counted), counted)
  }

  /// What a step's random numbers depend on: a run that is taken up draws the same.
  private func seed(ofStep step: Int) -> UInt64 { seed &+ UInt64(step) &* 0x9e37_79b9_7f4a_7c15 }

  /// The Euclidean norm of all open gradients together.
  private var gradientNorm: Double {
    trained.reduce(0) { $1.gradient.isOpen ? $0 + Elementwise.sumOfSquares($1.gradient.span) : $0 }.squareRoot()
  }

  /// Takes up a run where a checkpoint left it.
  func resume(at step: Int) { stepCount = step }

  /// Whether the journal holds a step already, or more than the loading.
  var hasRun = false

  /// The tensor of that name: a parameter of the base that is not quantized, or an adapter.
  public func parameter(_ name: String) throws -> ParameterTensor {
    guard let parameter = all[name] else { throw TrainingError.noSuchParameter(name) }
    return parameter
  }

  /// Overwrites a parameter's values.
  public func set(_ name: String, to values: [Float]) throws {
    let parameter = try parameter(name)
    guard parameter.shape.count == values.count else {
      throw TrainingError.shapeMismatch(name: name, expected: parameter.shape.count, given: values.count)
    }
    parameter.set(values.span)
  }

  func check(_ batch: MicroBatch) throws {
    let expected = recipe.batch.tokens
    guard batch.tokens.count == expected, batch.labels.count == expected else {
      throw TrainingError.batchSize(tokens: batch.tokens.count, labels: batch.labels.count, expected: expected)
    }
    let vocabulary = Int32(clamping: spec.vocabularySize)
    for (position, token) in batch.tokens.enumerated() where !(0..<vocabulary).contains(token) {
      throw TrainingError.badToken(token, vocabulary: spec.vocabularySize, position: position)
    }
    for (position, label) in batch.labels.enumerated()
    where label != CrossEntropy.ignoredLabel && !(0..<vocabulary).contains(label) {
      throw TrainingError.badToken(label, vocabulary: spec.vocabularySize, position: position)
    }
  }

  /// Labels moved one place forward within each sequence: position t predicts token t + 1, the last predicts nothing.
  func shift(_ labels: [Int32]) -> [Int32] {
    let sequence = recipe.batch.sequence
    return labels.indices.map { index in
      (index + 1).isMultiple(of: sequence) ? CrossEntropy.ignoredLabel : labels[index + 1]
    }
  }

  func write(_ values: [Int32], to tensor: inout Tensor<Int32>) {
    var target = tensor.mutableSpan
    for index in values.indices { target[index] = values[index] }
  }
}
