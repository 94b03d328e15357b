public import Bookkeeping

/// Everything that decides what one training step does: made once, checked, then a value.
///
/// A recipe that cannot be isn't built. What the user left open is filled in by ``RecipeRequest/resolved(for:)``.
public struct Recipe: Hashable, Sendable {
  public let method: Method
  /// The format in which weights are loaded (quantized ones excepted).
  public let weightFormat: ScalarFormat
  /// The format of adapters.
  public let adapterFormat: ScalarFormat
  public let precision: Precision
  public let optimizer: Optimizer
  public let batch: BatchShape
  public let usesGradientCheckpointing: Bool
  public let attention: AttentionImplementation
  public let loss: LossImplementation
  public let stack: Stack
  /// How the stack implements the step: its own ways, or what the user changed of them.
  public let choices: StackChoices
  public let parallelism: Parallelism
  /// How the process is started: the allocator's settings and libraries' workspaces.
  public let runtime: RuntimeSettings

  public init(
    method: Method, weightFormat: ScalarFormat, adapterFormat: ScalarFormat, precision: Precision,
    optimizer: Optimizer, batch: BatchShape, usesGradientCheckpointing: Bool, attention: AttentionImplementation,
    loss: LossImplementation, stack: Stack, choices: StackChoices? = nil, parallelism: Parallelism = .single,
    runtime: RuntimeSettings = .standard
  ) throws(RecipeError) {
    for format in [weightFormat, adapterFormat] where ![.fp32, .bf16, .fp16].contains(format) {
      throw .outOfRange("dtype", format.rawValue, "fp32, bf16 or fp16")
    }
    self.method = method
    self.weightFormat = weightFormat
    self.adapterFormat = adapterFormat
    self.precision = precision
    self.optimizer = optimizer
    self.batch = batch
    self.usesGradientCheckpointing = usesGradientCheckpointing
    self.attention = attention
    self.loss = loss
    self.stack = stack
    self.choices = choices ?? stack.choices
    self.parallelism = parallelism
    self.runtime = runtime
  }
}

/// The tokens of one step: sequences of padded length, micro-batches, accumulation.
public struct BatchShape: Hashable, Sendable {
  /// Sequences of one micro-batch.
  public let microBatch: Int
  /// Tokens of one sequence, padding included.
  public let sequence: Int
  /// Micro-batches whose gradients add up to one step.
  public let accumulation: Int
  /// How long samples are; `nil` where each has ``sequence`` tokens.
  public let lengths: LengthDistribution?

  public init(
    microBatch: Int, sequence: Int, accumulation: Int = 1, lengths: LengthDistribution? = nil
  ) throws(RecipeError) {
    guard (1...(1 << 20)).contains(microBatch) else {
      throw .outOfRange("batch", "\(microBatch)", "between 1 and \(1 << 20)")
    }
    guard (1...(1 << 24)).contains(sequence) else {
      throw .outOfRange("seq", "\(sequence)", "between 1 and \(1 << 24)")
    }
    guard (1...(1 << 16)).contains(accumulation) else {
      throw .outOfRange("grad-accum", "\(accumulation)", "between 1 and \(1 << 16)")
    }
    guard microBatch * sequence <= 1 << 26 else {
      throw .outOfRange("batch × seq", "\(microBatch * sequence) tokens", "at most \(1 << 26) tokens a micro-batch")
    }
    self.microBatch = microBatch
    self.sequence = sequence
    self.accumulation = accumulation
    self.lengths = lengths
  }

  /// Tokens of one micro-batch.
  public var tokens: Int { microBatch * sequence }
  /// Tokens of one optimizer step.
  public var tokensPerStep: Int { tokens * accumulation }
}

/// Why a recipe cannot be: the setting, what it was, and what it should be.
public enum RecipeError: Error, Hashable, CustomStringConvertible {
  case outOfRange(_ setting: String, _ value: String, _ allowed: String)
  case unknown(_ setting: String, _ value: String, known: [String])
  /// Two settings that exclude each other, or one that the method or stack has no use for.
  case conflict(_ setting: String, _ value: String, reason: String)
  case sequenceBeyondPositions(sequence: Int, positions: Int, model: String)
  /// A target that is on no module of the model.
  case noSuchTarget(String, model: String, known: [String])
  /// A name that stands for no module that the setting can be about.
  case noSuchModule(_ setting: String, _ name: String, model: String, known: [String])
  case tooLarge(tokens: Int, parameters: Int)

  public var description: String {
    switch self {
    case .outOfRange(let setting, let value, let allowed): "--\(setting) is \(value): it must be \(allowed)"
    case .unknown(let setting, let value, let known):
      "--\(setting) \(value) is unknown: choose \(known.joined(separator: ", "))"
    case .conflict(let setting, let value, let reason): "--\(setting) \(value): \(reason)"
    case .sequenceBeyondPositions(let sequence, let positions, let model):
      "--seq is \(sequence), but \(model) has positions for \(positions) tokens: shorten the sequence"
    case .noSuchTarget(let target, let model, let known):
      "--targets names \(target), which is no linear layer of \(model): it has \(known.joined(separator: ", "))"
    case .noSuchModule(let setting, let name, let model, let known):
      "--\(setting) names \(name), which \(model) hasn't: it has \(known.joined(separator: ", "))"
    case .tooLarge(let tokens, let parameters):
      "\(tokens) tokens through \(parameters) parameters are more operations than can be counted: lower --batch or --seq"
    }
  }
}
