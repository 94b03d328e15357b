public import Bookkeeping

/// What a user asked for, with everything they left open still open.
///
/// Flags, configuration files and tests fill one in; ``resolved(for:)`` answers with a ``Recipe`` and the list of
/// defaults that were used.
public struct RecipeRequest: Hashable, Sendable {
  public var method: Method.Name?
  public var rank: Int?
  public var alpha: Double?
  public var loraDropout: Double?
  public var targets: LoRA.Targets?
  /// Whether low-rank adapters leave the magnitudes of rows to vectors of their own (PEFT's `use_dora`).
  public var decomposesWeights: Bool?
  /// Whether low-rank adapters are scaled by alpha/√rank (PEFT's `use_rslora`).
  public var stabilizesRank: Bool?
  /// Modules that train whole beside adapters (PEFT's `modules_to_save`).
  public var modulesToSave: [String]?
  /// Layers that freeze tuning trains: the last so many, or, below zero, the first.
  public var trainedLayers: Int?
  /// Names of modules in these layers that train; all of them if `nil`.
  public var trainedModules: [String]?
  /// Modules outside the layers that freeze tuning trains too.
  public var extraModules: [String]?
  public var virtualTokens: Int?
  /// Width of the layers that make p-tuning's virtual tokens.
  public var encoderWidth: Int?
  /// Width of the blocks that OFT and BOFT rotate.
  public var blockSize: Int?
  /// `nil` inside means "none": the user asked for no quantization.
  public var quantization: Quantization??
  public var weightFormat: ScalarFormat?
  public var adapterFormat: ScalarFormat?
  public var precision: Precision?
  public var optimizer: Optimizer.Kind?
  public var learningRate: Double?
  public var weightDecay: Double?
  public var microBatch: Int?
  public var sequence: Int?
  public var accumulation: Int?
  public var usesGradientCheckpointing: Bool?
  /// Layers that are run again together from one checkpoint; naming a number turns checkpointing on.
  public var layersPerCheckpoint: Int?
  /// Whether every gradient is consumed by the optimizer as soon as it is whole (torchtune's `optimizer_in_bwd`).
  public var stepsInBackward: Bool?
  public var attention: AttentionImplementation?
  public var loss: LossImplementation?
  public var stack: Stack?
  /// How the stack implements the step, where that differs from its own ways.
  public var choices: StackChoices?
  /// The whole of it at once; ``devices``, ``sharding`` and ``shardingSettings`` are not asked then.
  public var parallelism: Parallelism?
  public var devices: Int?
  public var sharding: Sharding?
  public var shardingSettings: ShardingSettings?
  public var optimizerImplementation: Optimizer.Implementation?
  public var optimizerRank: Int?
  /// How long samples are, where they differ; the longest is the sequence unless one is named.
  public var lengths: LengthDistribution?
  public var runtime: RuntimeSettings?

  public init() {}
}

/// A recipe together with the sentences that say what was assumed.
public struct ResolvedRecipe: Hashable, Sendable {
  public let recipe: Recipe
  public let assumptions: [String]

  public init(recipe: Recipe, assumptions: [String]) {
    self.recipe = recipe
    self.assumptions = assumptions
  }
}

extension RecipeRequest {
  /// Fills the gaps with the stack's own defaults and checks the whole against the model.
  public func resolved(for spec: ModelSpec) throws(RecipeError) -> ResolvedRecipe {
    var assumptions: [String] = []
    func fill<Value>(_ value: Value?, _ fallback: Value, _ sentence: String) -> Value {
      if let value { return value }
      assumptions.append(sentence)
      return fallback
    }
    let stack = fill(stack, .trl, "stack: trl, since none was named")
    let method = try resolvedMethod(for: spec, &assumptions)
    let description = stack.description
    let defaults = description.defaults(for: method)
    var choices = choices ?? description.choices
    if self.choices == nil, stepsInBackward == nil, defaults.stepsInBackward, accumulation ?? 1 == 1 {
      assumptions.append("optimizer: steps in backward, \(stack.rawValue)'s default")
      choices.stepsInBackward = true
    }
    if let stepsInBackward { choices.stepsInBackward = stepsInBackward }
    if let layersPerCheckpoint { choices.layersPerCheckpoint = layersPerCheckpoint }
    let weightFormat = fill(
      weightFormat, defaults.weightFormat,
      "dtype: \(defaults.weightFormat.rawValue), \(defaults.weightFormatReason)")
    let precision = fill(
      precision, defaults.precision, "precision: \(defaults.precision.rawValue), \(stack.rawValue)'s default")
    let adapterDefault = defaults.adapterFormat
    // Without adapters nothing is assumed about them.
    let adapterFormat =
      !method.addsParameters
      ? adapterFormat ?? adapterDefault
      : fill(adapterFormat, adapterDefault, "adapter dtype: \(adapterDefault.rawValue), \(stack.rawValue)'s default")
    let kind = fill(
      optimizer, defaults.optimizer, "optimizer: \(defaults.optimizer.rawValue), \(stack.rawValue)'s default")
    let usual = min(lengths?.longest ?? 1024, spec.maximumPositions)
    let batch = try BatchShape(
      microBatch: fill(
        microBatch, defaults.microBatch,
        defaults.microBatch == 1
          ? "batch: 1 sequence a micro-batch"
          : "batch: \(defaults.microBatch) sequences a micro-batch, \(stack.rawValue)'s default"),
      sequence: fill(
        sequence.map { min($0, lengths?.longest ?? $0) }, usual,
        lengths == nil ? "seq: \(usual) tokens" : "seq: \(usual) tokens, the longest of the lengths"),
      accumulation: fill(accumulation, 1, "grad-accum: 1 micro-batch a step"), lengths: lengths)
    let checkpointing = fill(
      usesGradientCheckpointing ?? layersPerCheckpoint.map { _ in true }, defaults.usesGradientCheckpointing,
      "gradient checkpointing: \(defaults.usesGradientCheckpointing ? "on" : "off"), "
        + "\(stack.rawValue)'s default")
    let parallelism = try resolvedParallelism(on: stack, &assumptions)
    let recipe = try Recipe(
      method: method, weightFormat: weightFormat, adapterFormat: adapterFormat, precision: precision,
      optimizer: Optimizer(
        kind: kind,
        implementation: optimizerImplementation ?? kind.implementation(where: stack, choices),
        learningRate: fill(
          learningRate, defaults.learningRate,
          "learning rate: \(defaults.learningRate), \(stack.rawValue)'s default"),
        weightDecay: fill(weightDecay, 0, "weight decay: 0"),
        rank: optimizerRank ?? Optimizer.defaultRank),
      batch: batch, usesGradientCheckpointing: checkpointing,
      attention: fill(
        attention, description.attention(for: spec),
        "attention: \(description.attention(for: spec).rawValue), \(stack.rawValue)'s default"),
      loss: fill(loss, defaults.loss, "loss: \(defaults.loss.rawValue), \(stack.rawValue)'s default"), stack: stack,
      choices: choices, parallelism: parallelism, runtime: runtime ?? .standard)
    try recipe.validate(for: spec)
    return ResolvedRecipe(recipe: recipe, assumptions: assumptions)
  }

  /// Several GPUs without a word on how they share are torch's `DistributedDataParallel`, as `accelerate launch` and
  /// `torchrun` set it up.
  private func resolvedParallelism(
    on stack: Stack, _ assumptions: inout [String]
  ) throws(RecipeError) -> Parallelism {
    if let parallelism { return parallelism }
    let devices = devices ?? 1
    let settings = shardingSettings ?? stack.shardingSettings
    let isDivided = settings.tensorParallelSize > 1 && settings.tensorParallelSize == devices
    let fallback: Sharding = devices > 1 && !isDivided ? .ddp : .none
    if sharding == nil, fallback == .ddp { assumptions.append("sharding: ddp, since several GPUs must share somehow") }
    return try Parallelism(devices: devices, sharding: sharding ?? fallback, settings: settings)
  }
}

extension Recipe {
  /// Checks the recipe against the model it is for.
  public func validate(for spec: ModelSpec) throws(RecipeError) {
    guard batch.sequence <= spec.maximumPositions else {
      throw .sequenceBeyondPositions(
        sequence: batch.sequence, positions: spec.maximumPositions, model: spec.name)
    }
    try validateMethod(for: spec)
    try validateCheckpoints(for: spec)
    try validateStepsInBackward()
    let operations = 64 * Double(spec.parameterCount) * Double(batch.tokensPerStep)
    let scores =
      64 * Double(batch.tokensPerStep) * Double(batch.sequence) * Double(spec.attention.queryWidth)
      * Double(spec.layerCount)
    guard max(operations, scores) < Double(1 << 62) else {
      throw .tooLarge(tokens: batch.tokensPerStep, parameters: spec.parameterCount)
    }
  }
  /// Other stacks' planners know which of their software refuses it.
  private func validateStepsInBackward() throws(RecipeError) {
    guard choices.stepsInBackward, !stack.isTorch, batch.accumulation > 1 else { return }
    throw .conflict(
      "optimizer-in-backward", "with --grad-accum \(batch.accumulation)",
      reason: "a gradient that is consumed at once has nothing to add the next micro-batch's to: use --grad-accum 1")
  }

  private func validateCheckpoints(for spec: ModelSpec) throws(RecipeError) {
    let layers = choices.layersPerCheckpoint
    guard layers != 1 else { return }
    guard (1...spec.layerCount).contains(layers) else {
      throw .outOfRange("checkpoint-every", "\(layers)", "between 1 and the model's \(spec.layerCount) layers")
    }
    guard usesGradientCheckpointing else {
      throw .conflict("checkpoint-every", "\(layers)", reason: "there are no checkpoints with --no-checkpointing")
    }
    guard !stack.isTorch else {
      throw .conflict(
        "checkpoint-every", "\(layers)",
        reason: "the \(stack.rawValue) stack checkpoints every layer: plan --stack plimsoll, or leave it out")
    }
  }
}
