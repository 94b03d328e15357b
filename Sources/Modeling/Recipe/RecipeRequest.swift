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
  public var attention: AttentionImplementation?
  public var loss: LossImplementation?
  public var stack: Stack?
  /// How the stack implements the step, where that differs from its own ways.
  public var choices: StackChoices?
  public var parallelism: Parallelism?
  public var optimizerImplementation: Optimizer.Implementation?
  public var optimizerRank: Int?

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
    let defaults = description.defaults(for: method.name)
    let choices = choices ?? description.choices
    let weightFormat = fill(
      weightFormat, defaults.weightFormat,
      "dtype: \(defaults.weightFormat.rawValue), \(defaults.weightFormatReason)")
    let precision = fill(
      precision, defaults.precision, "precision: \(defaults.precision.rawValue), \(stack.rawValue)'s default")
    let adapterDefault = defaults.adapterFormat
    // Full fine-tuning has no adapters, so nothing is assumed about them.
    let adapterFormat =
      method.adapter == nil
      ? adapterFormat ?? adapterDefault
      : fill(adapterFormat, adapterDefault, "adapter dtype: \(adapterDefault.rawValue), \(stack.rawValue)'s default")
    let kind = fill(
      optimizer, defaults.optimizer, "optimizer: \(defaults.optimizer.rawValue), \(stack.rawValue)'s default")
    let batch = try BatchShape(
      microBatch: fill(microBatch, 1, "batch: 1 sequence a micro-batch"),
      sequence: fill(sequence, min(1024, spec.maximumPositions), "seq: \(min(1024, spec.maximumPositions)) tokens"),
      accumulation: fill(accumulation, 1, "grad-accum: 1 micro-batch a step"))
    let checkpointing = fill(
      usesGradientCheckpointing, defaults.usesGradientCheckpointing,
      "gradient checkpointing: \(defaults.usesGradientCheckpointing ? "on" : "off"), "
        + "\(stack.rawValue)'s default")
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
      choices: choices, parallelism: parallelism ?? .single)
    try recipe.validate(for: spec)
    return ResolvedRecipe(recipe: recipe, assumptions: assumptions)
  }

  private func resolvedMethod(for spec: ModelSpec, _ assumptions: inout [String]) throws(RecipeError) -> Method {
    let isQuantized = quantization.map { $0 != nil }
    let name: Method.Name
    if let method {
      name = method
    } else {
      name = isQuantized == true ? .qlora : .lora
      assumptions.append("method: \(name.rawValue), since none was named")
    }
    if name != .qlora, let wanted = quantization, let format = wanted {
      throw .conflict(
        "quant", format.text, reason: "\(name.rawValue) trains on unquantized weights: use --method qlora")
    }
    guard name != .full else {
      let stray: (String, String)? =
        rank.map { ("rank", "\($0)") } ?? alpha.map { ("alpha", "\($0)") }
        ?? loraDropout.map { ("lora-dropout", "\($0)") } ?? targets.map { ("targets", $0.text) }
      if let stray { throw .conflict(stray.0, stray.1, reason: "full fine-tuning has no adapters") }
      return .full
    }
    if rank == nil { assumptions.append("rank: 16") }
    if alpha == nil { assumptions.append("alpha: 32") }
    if loraDropout == nil { assumptions.append("lora-dropout: 0") }
    if targets == nil { assumptions.append("targets: all linear layers but the head") }
    let lora = try LoRA(
      rank: rank ?? 16, alpha: alpha ?? 32, dropout: loraDropout ?? 0, targets: targets ?? .allLinear)
    guard name == .qlora else { return .lora(lora) }
    switch quantization {
    case .some(.some(let format)): return .qlora(lora, format)
    case .some(.none): throw .conflict("quant", "none", reason: "qlora needs a quantized base: use --method lora")
    case .none:
      assumptions.append("quantization: nf4 with double quantization")
      return .qlora(lora, .nf4(double: true))
    }
  }
}

extension Recipe {
  /// Checks the recipe against the model it is for.
  public func validate(for spec: ModelSpec) throws(RecipeError) {
    guard batch.sequence <= spec.maximumPositions else {
      throw .sequenceBeyondPositions(
        sequence: batch.sequence, positions: spec.maximumPositions, model: spec.name)
    }
    if case .modules(let names) = method.adapter?.targets {
      let modules = spec.linearModules(0)
      guard !names.isEmpty else { throw .outOfRange("targets", "empty", "a list of module names") }
      for name in names where !spec.hasModule(named: name) {
        throw .noSuchTarget(name, model: spec.name, known: modules.map(\.shortName))
      }
    }
    let operations = 64 * Double(spec.parameterCount) * Double(batch.tokensPerStep)
    let scores =
      64 * Double(batch.tokensPerStep) * Double(batch.sequence) * Double(spec.attention.queryWidth)
      * Double(spec.layerCount)
    guard max(operations, scores) < Double(1 << 62) else {
      throw .tooLarge(tokens: batch.tokensPerStep, parameters: spec.parameterCount)
    }
  }
}

extension ModelSpec {
  /// Whether any layer has a module of this name, or ending in it: a target may be in one layer only.
  fileprivate func hasModule(named name: String) -> Bool {
    let target = LoRA.Targets.modules([name])
    return (0..<layerCount).contains { layer in linearModules(layer).contains(where: target.match) }
  }
}
