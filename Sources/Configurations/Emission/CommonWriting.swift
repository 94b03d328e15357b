import Bookkeeping
import Modeling

// What several programs on Transformers' Trainer say alike.

extension Optimizer {
  /// The name of `TrainingArguments.optim` (transformers/training_args.py, `OptimizerNames`); `nil` where there is none.
  var trainerName: String? {
    switch kind {
    case .adamw: implementation == .fused ? "adamw_torch_fused" : "adamw_torch"
    case .adamw8bit: "adamw_bnb_8bit"
    case .pagedAdamw: "paged_adamw_32bit"
    case .pagedAdemamix: "paged_ademamix_32bit"
    case .lion: "lion_32bit"
    case .pagedLion: "paged_lion_32bit"
    case .rmsprop32bit: "rmsprop_bnb_32bit"
    case .rmsprop8bit: "rmsprop_bnb_8bit"
    case .sgd, .rmsprop, .adagrad, .adafactor, .pagedAdamw8bit, .ademamix, .ademamix8bit, .pagedAdemamix8bit, .lion8bit,
      .pagedLion8bit, .adamwTorch8bit, .adamwTorch4bit, .galoreAdamw, .galoreAdamw8bit, .galoreAdafactor,
      .galoreAdamwLayerwise, .galoreAdamw8bitLayerwise, .galoreAdafactorLayerwise, .apolloAdamw, .apolloAdamwLayerwise,
      .lomo, .adalomo, .scheduleFreeAdamw, .scheduleFreeRadam, .scheduleFreeSGD:
      kind.rawValue.replacing("-", with: "_")
    case .sgdMomentum, .adafactorTorch, .muon, .fusedAdam, .adamw32bit, .adamwTorchFP8, .adamMini: nil
    }
  }
}

/// Pieces of configurations for programs on Transformers' Trainer.
struct TrainerWriting {
  let recipe: Recipe
  let spec: ModelSpec
  let dialect: ConfigurationEmission.Dialect

  func cannotSay(_ setting: String, _ value: String, _ reason: String) -> EmissionError {
    .cannotSay(dialect, setting: setting, value: value, reason: reason)
  }

  func optimizer(_ field: String) throws(EmissionError) -> [(String, JSONValue)] {
    let optimizer = recipe.optimizer
    // DeepSpeed's own optimizer is named in its section.
    guard optimizer.kind != .fusedAdam || !recipe.parallelism.sharding.isDeepSpeed else { return [] }
    guard let name = optimizer.trainerName else {
      throw cannotSay("--optimizer", optimizer.kind.rawValue, "TrainingArguments have no name for it")
    }
    return [(field, .string(name))]
      + (optimizer.kind.hasRank ? [("optim_args", .string("rank=\(optimizer.rank)"))] : [])
  }

  var rates: [(String, JSONValue)] {
    [
      ("learning_rate", .number(recipe.optimizer.learningRate)),
      ("weight_decay", .number(recipe.optimizer.weightDecay)),
    ]
  }

  var attentionName: String {
    switch recipe.attention {
    case .eager: "eager"
    case .sdpa: "sdpa"
    case .flash: "flash_attention_2"
    }
  }

  var process: [(String, JSONValue)] {
    var members: [(String, JSONValue)] = []
    if let steps = recipe.runtime.emptyCacheSteps { members.append(("torch_empty_cache_steps", .integer(steps))) }
    let bucket = recipe.parallelism.settings.bucketBytes
    if bucket != ShardingSettings().bucketBytes { members.append(("ddp_bucket_cap_mb", .integer(bucket.count >> 20))) }
    return members
  }

  /// Modules by name, `.attention` spelled out.
  func names(_ targets: LoRA.Targets) -> JSONValue {
    if case .modules(let names) = targets { return .array(names.map { .string($0) }) }
    var names: [String] = []
    for module in spec.linearModules(0) where targets.match(module) && !names.contains(module.shortName) {
      names.append(module.shortName)
    }
    return .array(names.map { .string($0) })
  }

  /// A whole number without a point.
  static func number(_ value: Double) -> JSONValue { Int(exactly: value).map { .integer($0) } ?? .number(value) }

  // MARK: Sharding

  /// DeepSpeed's settings as they go into a configuration, `auto` where the trainer knows.
  var deepSpeed: JSONValue? {
    let settings = recipe.parallelism.settings
    guard recipe.parallelism.sharding.isDeepSpeed, let stage = recipe.parallelism.sharding.stage else { return nil }
    var zero: [String: JSONValue] = [
      "stage": .integer(stage), "reduce_bucket_size": .integer(settings.reduceBucketElements),
    ]
    if let overlaps = settings.overlapsCommunication { zero["overlap_comm"] = .bool(overlaps) }
    if settings.offload.movesOptimizer { zero["offload_optimizer"] = ["device": "cpu"] }
    if settings.offload.movesParameters { zero["offload_param"] = ["device": "cpu"] }
    if stage == 3 {
      zero["stage3_prefetch_bucket_size"] = .integer(settings.prefetchBucketElements)
      zero["stage3_param_persistence_threshold"] = .integer(settings.persistenceThreshold)
      zero["stage3_max_live_parameters"] = .integer(settings.maximumLiveParameters)
      zero["stage3_max_reuse_distance"] = .integer(settings.maximumReuseDistance)
    }
    var members: [String: JSONValue] = [
      "zero_optimization": .object(zero), "bf16": ["enabled": "auto"], "fp16": ["enabled": "auto"],
      "train_micro_batch_size_per_gpu": "auto", "gradient_accumulation_steps": "auto", "train_batch_size": "auto",
    ]
    if recipe.optimizer.kind == .fusedAdam {
      members["optimizer"] = ["type": "AdamW", "params": ["lr": "auto", "weight_decay": "auto"]]
    }
    return .object(members)
  }

  /// FSDP's settings under the names of `fsdp_config`.
  func fsdp(offload: String) -> [String: JSONValue]? {
    let sharding = recipe.parallelism.sharding
    guard sharding.isFullySharded else { return nil }
    let settings = recipe.parallelism.settings
    var members: [String: JSONValue] = ["auto_wrap_policy": "TRANSFORMER_BASED_WRAP"]
    if settings.offload != .none { members[offload] = true }
    if sharding == .fsdp {
      members["reshard_after_forward"] = settings.keepsParametersWhole ? "NO_SHARD" : "FULL_SHARD"
      members["backward_prefetch"] = settings.prefetchesBackward ? "BACKWARD_PRE" : "NO_PREFETCH"
      members["use_orig_params"] = .bool(settings.usesOriginalParameters)
    }
    return members
  }

  /// `deepspeed`, `fsdp` and `fsdp_config` of TrainingArguments.
  var trainerSharding: [(String, JSONValue)] {
    if let deepSpeed { return [("deepspeed", deepSpeed)] }
    guard var settings = fsdp(offload: "cpu_offload") else { return [] }
    settings["version"] = .integer(recipe.parallelism.sharding == .fsdp2 ? 2 : 1)
    return [("fsdp", true), ("fsdp_config", .object(settings))]
  }

  /// The layers' inputs and how they are come back to, where the configuration has words for it.
  func checkpointing(_ standard: Bool) -> [(String, JSONValue)] {
    var members: [(String, JSONValue)] = [("gradient_checkpointing", .bool(recipe.usesGradientCheckpointing))]
    if recipe.usesGradientCheckpointing, recipe.choices.reentersCheckpoints != standard {
      members.append(
        ("gradient_checkpointing_kwargs", ["use_reentrant": .bool(recipe.choices.reentersCheckpoints)]))
    }
    return members
  }
}

extension Sharding {
  /// DeepSpeed's stage.
  fileprivate var stage: Int? {
    switch self {
    case .zero1: 1
    case .zero2: 2
    case .zero3: 3
    case .none, .ddp, .fsdp, .fsdp2: nil
    }
  }
}
