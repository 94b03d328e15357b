public import Modeling

/// What a probe runs: a model at its real width with few layers, and a step on it.
public struct ProbeSettings: Hashable, Sendable {
  /// The whole model; the probe takes few of its layers.
  public let spec: ModelSpec
  /// The configuration of Transformers that the model is built from.
  public let configuration: JSONValue
  public let recipe: Recipe
  /// How the script runs the stack.
  public let runner: Runner

  /// The functions of the script that drive a stack.
  public enum Runner: String, CaseIterable, Hashable, Sendable {
    /// Transformers' `Trainer`.
    case trainer
    /// TRL's `SFTTrainer`.
    case sftTrainer = "sft_trainer"
    /// A loop as people write it themselves.
    case loop
  }

  /// - Throws: ``ProbeError`` for a stack or a setting that the script can't run.
  public init(spec: ModelSpec, configuration: JSONValue, recipe: Recipe) throws(ProbeError) {
    guard let runner = ProbeSettings.runner(of: recipe.stack) else {
      throw .unsupportedStack(recipe.stack, known: Stack.allCases.filter { ProbeSettings.runner(of: $0) != nil })
    }
    try ProbeSettings.check(recipe, runner)
    self.spec = spec
    self.configuration = configuration
    self.recipe = recipe
    self.runner = runner
  }

  /// What runs a stack; `nil` where nothing of the script does.
  private static func runner(of stack: Stack) -> Runner? {
    switch stack {
    case .trl: .sftTrainer
    case .transformers, .transformersUnprepared, .transformers4, .liger: .trainer
    case .peftLoop: .loop
    // A loss of one's own, releases with other arguments, and trainers with a configuration of their own.
    case .plimsoll, .trlFullLogits, .trl0, .unsloth, .fmsAcceleration, .axolotl, .llamaFactory, .msSwift, .fsdpQLoRA,
      .torchtune, .torchtune2024, .litgpt, .litgpt2023, .megatron:
      nil
    }
  }

  /// Whether the Trainer is told to put Liger's kernels in.
  public var usesLiger: Bool { recipe.stack == .liger }

  /// Micro-batches that a probe runs a step: from the second on each is like the one before.
  public var microBatches: Int { min(2, recipe.batch.accumulation) }

  /// What a step with so many layers is planned to take of a device.
  public func deviceBytes(layers: Int, on device: Device?) throws(PlanError) -> Interval {
    try Planner.deviceBytes(spec.withLayers(layers) ?? spec, recipe, device: device)
  }

  /// Modules that get adapters, as PEFT's `target_modules` takes them; empty for `all-linear`.
  ///
  /// Their last two components, since a last one alone is not always unique (GPT-2 has two of `c_proj`).
  public var targetModules: [String] {
    guard let targets = recipe.method.adapter?.targets, targets != .allLinear else { return [] }
    if case .modules(let names) = targets { return names }
    return spec.linearModules(0).filter(targets.match).map {
      $0.name.split(separator: ".").suffix(2).joined(separator: ".")
    }
  }

  /// Those that both the Trainer and a loop have under one name.
  private static let optimizers: [Optimizer.Kind] = [
    .adamw, .adamw8bit, .pagedAdamw, .pagedAdamw8bit, .adafactor, .lion, .sgd, .sgdMomentum,
  ]

  private static func check(_ recipe: Recipe, _ runner: Runner) throws(ProbeError) {
    guard recipe.parallelism == .single else {
      throw .unsupported("gpus", "\(recipe.parallelism.devices)", advice: "it runs on one GPU")
    }
    guard [.full, .lora, .qlora].contains(recipe.method.name) else {
      throw .unsupported("method", recipe.method.name.rawValue, advice: "it runs full, lora and qlora")
    }
    if let module = recipe.method.adapter?.modulesToSave.first {
      throw .unsupported("modules-to-save", module, advice: "it trains adapters alone")
    }
    guard recipe.runtime == .standard else {
      throw .unsupported(
        "allocator", "with settings of its own", advice: "set them in the environment that the script runs in")
    }
    guard recipe.batch.lengths == nil else {
      throw .unsupported("lengths", "of several kinds", advice: "its sequences have one length: use --seq alone")
    }
    switch (runner, recipe.loss) {
    case (.loop, .full), (.sftTrainer, .fused): break
    case (.trainer, .full) where recipe.stack != .liger: break
    case (.trainer, .fused) where recipe.stack == .liger: break
    case (.trainer, _) where recipe.stack == .liger:
      throw .unsupported("loss", recipe.loss.rawValue, advice: "Liger's own loss is --loss fused")
    case (.sftTrainer, _):
      throw .unsupported("loss", recipe.loss.rawValue, advice: "SFTTrainer makes no full logits: use --loss fused")
    case (.trainer, _), (.loop, _):
      throw .unsupported("loss", recipe.loss.rawValue, advice: "Transformers' own loss is --loss full")
    }
    let optimizer = recipe.optimizer
    let isKnown = ProbeSettings.optimizers.contains(optimizer.kind)
    // Implementations are torch's: the other optimizers have one each.
    guard isKnown, optimizer.kind != .adamw || optimizer.implementation != .single else {
      throw .unsupported(
        "optimizer", "\(optimizer.kind.rawValue), \(optimizer.implementation.rawValue)",
        advice: "the Trainer has no such switch")
    }
  }
}
