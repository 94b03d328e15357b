import Bookkeeping
import Modeling

/// DeepSpeed's JSON (deepspeed/runtime/zero/config.py and offload_config.py of 0.19.8), `auto` being what Transformers
/// puts there (transformers/integrations/deepspeed.py of 5.23, `trainer_config_process`, `trainer_config_finalize`).
struct DeepSpeedReader: DialectReader {
  static let notModeled: Set<String> = [
    "activation_checkpointing", "zero_hpz_partition_size", "zero_quantized_weights", "zero_quantized_gradients",
    "sub_group_size", "leaf_module", "zenflow", "compression_training", "tensor_parallel", "sequence_parallel_size",
    "amp", "data_types", "communication_data_type", "fp16_master_weights_and_gradients", "round_robin_gradients",
    "stage3_module_granularity_threshold", "model_persistence_threshold", "stage3_model_persistence_threshold",
    "aio", "memory_efficient_linear", "allgather_bucket_size",
  ]

  static func read(_ fields: ConfigurationFields, into draft: inout ConfigurationDraft) throws(ConfigurationError) {
    let zero = try fields.object("zero_optimization")
    let stage = try zero?.integer("stage", in: 0...3) ?? 0
    draft.request.sharding = sharding(ofStage: stage)
    if stage == 0 { draft.note("DeepSpeed's stage 0 divides nothing: planned as ddp where there are several GPUs") }
    if let zero { try readZero(zero, stage, &draft) }
    try match("train_micro_batch_size_per_gpu", \.microBatch, fields, &draft)
    try match("gradient_accumulation_steps", \.accumulation, fields, &draft)
    try readFormats(fields, &draft)
    try readOptimizer(fields, &draft)
    fields.settle(
      "train_batch_size", "gradient_clipping", "steps_per_print", "wall_clock_breakdown", "prescale_gradients",
      "zero_allow_untested_optimizer", "zero_force_ds_cpu_optimizer", "gradient_predivide_factor", "checkpoint")
  }

  /// A path to a file, or the settings themselves, as `deepspeed` of a trainer has them.
  ///
  /// A file is looked for beside the configuration and in the working folder. Where it is missing, a name such as
  /// `ds_z3_config.json` still says the stage.
  static func readReference(
    _ field: String, of fields: ConfigurationFields, into draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    guard let value = fields.value(field), value != .bool(false) else { return }
    if value.objectValue != nil || value.stringValue?.first == "{" {
      guard let inner = try fields.object(field) else { return }
      return try read(inner, into: &draft)
    }
    guard let path = value.stringValue else { throw fields.wrongType(field, "a path or settings by name") }
    if let found = try ConfigurationFile.referenced(path, beside: fields.file) {
      let inner = ConfigurationFields(found.values, file: found.file)
      try read(inner, into: &draft)
      draft.configuration.files.append((found.file, .deepspeed))
      return draft.close(inner, notModeled: notModeled)
    }
    guard let stage = stage(inName: path) else {
      return draft.note("\(field) names \(path), which is not there and whose name says no stage: nothing is divided")
    }
    draft.request.sharding = sharding(ofStage: stage)
    let offloads = path.lowercased().contains("offload")
    offload(optimizer: offloads, parameters: offloads && stage == 3, stage: stage, &draft)
    draft.note(
      "\(field) names \(path), which is not there: its name stands for stage \(stage)"
        + "\(offloads ? " with offload" : ""), all else DeepSpeed's defaults")
  }

  static func sharding(ofStage stage: Int) -> Sharding? {
    switch stage {
    case 1: .zero1
    case 2: .zero2
    case 3: .zero3
    default: nil
    }
  }

  static func offload(optimizer: Bool, parameters: Bool, stage: Int, _ draft: inout ConfigurationDraft) {
    // deepspeed/runtime/zero/config.py: parameters are offloaded in stage 3 only.
    let movesParameters = parameters && stage == 3
    guard optimizer || movesParameters, stage > 0 else { return }
    draft.settings { $0.offload = optimizer && movesParameters ? .all : optimizer ? .optimizer : .parameters }
  }

  /// The stage in `zero3.json`, `ds_z2_config.json`, `deepspeed_stage_1.json`.
  static func stage(inName path: String) -> Int? {
    let name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
    for stage in 1...3 {
      for word in [
        "zero\(stage)", "zero_\(stage)", "zero-\(stage)", "z\(stage)", "stage\(stage)", "stage_\(stage)",
        "stage-\(stage)",
      ]
      where name.contains(word) {
        return stage
      }
    }
    return nil
  }

  private static func readZero(
    _ zero: ConfigurationFields, _ stage: Int, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    let (optimizerSection, parameterSection) = (try zero.object("offload_optimizer"), try zero.object("offload_param"))
    for section in [optimizerSection, parameterSection] {
      section?.settle(
        "pin_memory", "buffer_count", "buffer_size", "max_in_cpu", "fast_init", "pipeline_read", "pipeline_write",
        "nvme_path", "ratio")
    }
    let optimizer = try optimizerSection?.text("device") ?? "none"
    let parameters = try parameterSection?.text("device") ?? "none"
    let oldOptimizer = try zero.flag("cpu_offload") ?? false
    let oldParameters = try zero.flag("cpu_offload_param")
    let olderParameters = try zero.flag("cpu_offload_params")
    offload(
      optimizer: optimizer != "none" || oldOptimizer,
      parameters: parameters != "none" || oldParameters ?? olderParameters ?? false, stage: stage,
      &draft)
    if let flag = try automatic("overlap_comm", zero) ? nil : zero.flag("overlap_comm") {
      draft.settings { $0.overlapsCommunication = flag }
    }
    try readElements("reduce_bucket_size", zero, .reduceBucket, &draft) { $0.reduceBucketElements = $1 }
    guard stage == 3 else {
      zero.settle(
        "stage3_prefetch_bucket_size", "stage3_param_persistence_threshold", "stage3_max_live_parameters",
        "stage3_max_reuse_distance", "sub_group_size")
      return settle(zero)
    }
    try readElements("stage3_prefetch_bucket_size", zero, .prefetchBucket, &draft) { $0.prefetchBucketElements = $1 }
    try readElements("stage3_param_persistence_threshold", zero, .persistenceThreshold, &draft) {
      $0.persistenceThreshold = $1
    }
    try readElements("stage3_max_live_parameters", zero, nil, &draft) { $0.maximumLiveParameters = $1 }
    try readElements("stage3_max_reuse_distance", zero, nil, &draft) { $0.maximumReuseDistance = $1 }
    settle(zero)
  }

  private static func settle(_ zero: ConfigurationFields) {
    zero.settle(
      "contiguous_gradients", "allgather_partitions", "reduce_scatter", "stage3_gather_16bit_weights_on_model_save",
      "stage3_gather_fp16_weights_on_model_save", "ignore_unused_parameters", "elastic_checkpoint",
      "load_from_fp32_weights")
  }

  private static func automatic(_ field: String, _ fields: ConfigurationFields) -> Bool {
    fields.value(field)?.stringValue == "auto"
  }

  private static func readElements(
    _ field: String, _ zero: ConfigurationFields, _ item: TrainingConfiguration.Deferred?,
    _ draft: inout ConfigurationDraft, _ set: (inout ShardingSettings, Int) -> Void
  ) throws(ConfigurationError) {
    if automatic(field, zero) {
      if let item { draft.configuration.deferred.append(item) }
    } else if let elements = try zero.integer(field, in: 0...1 << 40) {
      draft.settings { set(&$0, elements) }
    }
  }

  /// A number that Transformers compares with its own (`fill_match`): a difference stops the run.
  private static func match(
    _ field: String, _ path: WritableKeyPath<RecipeRequest, Int?>, _ fields: ConfigurationFields,
    _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    guard !automatic(field, fields), let value = try fields.count(field) else { return }
    if let other = draft.request[keyPath: path], draft.trainerFile != nil, other != value {
      throw fields.conflict(
        field, "the trainer's own configuration says \(other), and Transformers stops at the difference: write auto")
    }
    draft.request[keyPath: path] = value
  }

  private static func readFormats(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    for (field, format) in [("bf16", ScalarFormat.bf16), ("fp16", .fp16)] {
      guard let inner = try fields.object(field) else { continue }
      inner.settle(
        "loss_scale", "loss_scale_window", "initial_scale_power", "hysteresis", "min_loss_scale", "auto_cast",
        "consecutive_hysteresis")
      guard !automatic("enabled", inner), try inner.flag("enabled") == true, draft.trainerFile == nil else { continue }
      draft.request.weightFormat = format
    }
  }

  /// deepspeed/runtime/engine.py, `_configure_basic_optimizer`: Adam is its own fused one, on the host where states are.
  private static func readOptimizer(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    fields.settle("scheduler")
    guard let section = try fields.object("optimizer") else { return }
    let parameters = try section.object("params")
    switch try section.text("type")?.lowercased() {
    case "adam", "adamw":
      let isTorch = try parameters?.flag("torch_adam") ?? false
      draft.request.optimizer = isTorch ? .adamw : .fusedAdam
    case "muon": draft.request.optimizer = .muon
    case nil: return
    default: throw section.unsupported("type", "only Adam, AdamW and Muon of DeepSpeed have a rule")
    }
    draft.request.optimizerImplementation = nil
    guard let parameters else { return }
    if !automatic("lr", parameters) {
      draft.request.learningRate = try parameters.number("lr") ?? draft.request.learningRate
    }
    if !automatic("weight_decay", parameters) {
      draft.request.weightDecay = try parameters.number("weight_decay") ?? draft.request.weightDecay
    }
    parameters.settle("betas", "eps", "adam_w_mode")
  }
}
