import Bookkeeping
import Modeling

/// LLaMA-Factory's YAML or JSON (llamafactory/hparams/*.py, model/adapter.py, model/model_utils/*.py of 0.9.5).
struct LlamaFactoryReader: DialectReader {
  static let notModeled = TrainerArguments.notModeled.union([
    "upcast_layernorm", "upcast_lmhead_output", "shift_attn", "mixture_of_depths", "use_badam", "use_llama_pro",
    "use_adam_mini", "additional_target", "neat_packing", "resize_vocab", "stage", "ref_model", "reward_model",
    "pref_beta", "pref_loss", "use_kt", "moe_aux_loss_coef", "use_asft_loss", "use_hyper_parallel", "use_dft_loss",
    "freeze_vision_tower", "create_new_adapter", "adapter_name_or_path", "quantization_device_map",
  ])

  static func read(_ fields: ConfigurationFields, into draft: inout ConfigurationDraft) throws(ConfigurationError) {
    let arguments = TrainerArguments(fields: fields, title: "LLaMA-Factory")
    let usesUnsloth = try fields.flag("use_unsloth") ?? false
    draft.use(usesUnsloth ? .unsloth : .llamaFactory)
    draft.configuration.model = try fields.text("model_name_or_path")
    if let stage = try fields.text("stage"), !["sft", "pt"].contains(stage) {
      draft.note("stage: \(stage) is planned as a step of sft: other models and pairs of samples have no rule")
    }
    try arguments.readStep(&draft, learningRate: 5e-5)
    draft.request.sequence = try fields.count("cutoff_len")
    draft.fill(\.sequence, 2048, "cutoff_len: 2048, LLaMA-Factory's default")
    try arguments.readSharding(&draft)
    try readCheckpointing(fields, &draft)
    try readKernels(fields, &draft)
    try readMethod(fields, &draft)
    try readFormats(arguments, &draft)
    try readProjections(fields, &draft)
  }

  /// hparams/model_args.py: on and re-entered unless disabled; model_utils/checkpointing.py.
  private static func readCheckpointing(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    if let isOff = try fields.flag("disable_gradient_checkpointing") {
      draft.request.usesGradientCheckpointing = !isOff
    }
    draft.fill(\.usesGradientCheckpointing, true, "disable_gradient_checkpointing: off, LLaMA-Factory's default")
    // model/patcher.py prepares the model itself, so the Trainer's own switch has nothing left to do.
    fields.settle("gradient_checkpointing", "gradient_checkpointing_kwargs")
    if let reenters = try fields.flag("use_reentrant_gc") { draft.choices?.reentersCheckpoints = reenters }
    if try fields.flag("use_unsloth_gc") == true {
      draft.choices?.checkpoints = .host
      draft.choices?.reentersCheckpoints = true
    }
  }

  private static func readKernels(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    if draft.request.stack == .llamaFactory { draft.request.loss = .full }
    // model_utils/liger_kernel.py calls Liger's function as it is: rope, norm, swiglu and the fused head.
    if try fields.flag("enable_liger_kernel") == true {
      draft.choices?.norm = .liger
      draft.choices?.rotary = .liger
      draft.choices?.gate = .liger
      draft.choices?.fusedHead = .liger
      draft.request.loss = .fused
    }
    switch try fields.text("flash_attn") {
    case nil, "auto": break
    case "disabled": draft.request.attention = .eager
    case "sdpa": draft.request.attention = .sdpa
    case "fa2", "fa3": draft.request.attention = .flash
    default: throw fields.unsupported("flash_attn", "it must be auto, disabled, sdpa, fa2 or fa3")
    }
  }

  /// hparams/finetuning_args.py: lora by default; rank 8, alpha twice the rank, no dropout, all linear layers.
  private static func readMethod(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    let quantization = try readQuantization(fields, &draft)
    let type = try fields.text("finetuning_type")
    if type == nil { draft.configuration.defaults.append("finetuning_type: lora, LLaMA-Factory's default") }
    if quantization != nil, type == "full" || type == "freeze" {
      throw fields.conflict("quantization_bit", "a quantized base trains by lora or oft only")
    }
    draft.request.quantization = .some(quantization)
    switch type ?? "lora" {
    case "full":
      draft.request.method = .full
      draft.request.quantization = nil
    case "freeze":
      draft.request.method = .freeze
      draft.request.quantization = nil
      draft.request.trainedLayers = try fields.integer("freeze_trainable_layers", in: -4096...4096)
      draft.fill(\.trainedLayers, 2, "freeze_trainable_layers: 2, LLaMA-Factory's default")
      let modules = try fields.names("freeze_trainable_modules") ?? ["all"]
      draft.request.trainedModules = modules == ["all"] ? nil : modules
      draft.request.extraModules = try fields.names("freeze_extra_modules")
    case "oft":
      draft.request.method = .oft
      draft.request.blockSize = try fields.integer("oft_block_size", in: 1...4096)
      draft.fill(\.blockSize, 32, "oft_block_size: 32, LLaMA-Factory's default")
      try readTargets("oft_target", fields, &draft)
    case "lora":
      draft.request.method = quantization == nil ? .lora : .qlora
      draft.request.rank = try fields.integer("lora_rank", in: 1...65536)
      draft.fill(\.rank, 8, "lora_rank: 8, LLaMA-Factory's default")
      draft.request.alpha = try fields.number("lora_alpha")
      let alpha = 2 * (draft.request.rank ?? 8)
      draft.fill(\.alpha, Double(alpha), "lora_alpha: \(alpha), twice the rank as in LLaMA-Factory")
      draft.request.loraDropout = try fields.number("lora_dropout")
      draft.fill(\.loraDropout, 0, "lora_dropout: 0, LLaMA-Factory's default")
      draft.request.decomposesWeights = try fields.flag("use_dora") ?? false
      draft.request.stabilizesRank = try fields.flag("use_rslora") ?? false
      draft.request.modulesToSave = try fields.names("additional_target")
      try readTargets("lora_target", fields, &draft)
    default: throw fields.unsupported("finetuning_type", "it must be lora, freeze, full or oft")
    }
  }

  private static func readTargets(
    _ field: String, _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    draft.request.targets = try fields.names(field).map(PEFTTargets.targets)
    draft.fill(\.targets, .allLinear, "\(field): all, LLaMA-Factory's default")
  }

  /// model_utils/quantization.py: bitsandbytes unless said, nf4, double.
  private static func readQuantization(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) -> Quantization? {
    guard let bits = try fields.integer("quantization_bit", in: 1...8) else { return nil }
    let method = try fields.text("quantization_method") ?? "bnb"
    switch (method.lowercased(), bits) {
    case ("bnb", 4), ("bitsandbytes", 4):
      let isDouble = try fields.flag("double_quantization")
      if isDouble == nil {
        draft.configuration.defaults.append("double_quantization: on, LLaMA-Factory's default")
      }
      return try BitsAndBytesFields.codes("quantization_type", of: fields, double: isDouble ?? true)
    case ("bnb", 8), ("bitsandbytes", 8): return .int8
    case ("hqq", _):
      do { return try .hqq(bits: bits) } catch { throw .recipe(error, file: fields.file) }
    default: throw fields.unsupported("quantization_bit", "with \(method) this has no rule: bnb takes 4 or 8")
    }
  }

  /// hparams/parser.py: bf16 and fp16 decide the compute type; model/adapter.py, `init_adapter`: what trains is cast to
  /// fp32 unless `pure_bf16`.
  private static func readFormats(
    _ arguments: TrainerArguments, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    let autocast = try arguments.mixedPrecision(default: nil)
    let isPure = try arguments.fields.flag("pure_bf16") ?? false
    if isPure, autocast != nil { throw arguments.fields.conflict("pure_bf16", "bf16 or fp16 is on too") }
    let format: ScalarFormat = isPure ? .bf16 : autocast ?? .bf16
    if !isPure, autocast == nil { draft.configuration.defaults.append("bf16 and fp16: off, LLaMA-Factory's default") }
    draft.request.precision = autocast == nil ? .pure : .autocast
    draft.request.weightFormat = draft.request.method == .full && !isPure ? .fp32 : format
    draft.request.adapterFormat = isPure ? .bf16 : .fp32
    if draft.request.method == .freeze, !isPure {
      draft.note("LLaMA-Factory casts the layers that train to fp32; they are planned in \(format.rawValue)")
    }
  }

  /// hparams/finetuning_args.py: projections of rank 16; train/trainer_utils.py, `_create_galore_optimizer`.
  private static func readProjections(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    func rank(_ field: String) throws(ConfigurationError) {
      draft.request.optimizerRank = try fields.integer(field, in: 1...65536)
      draft.fill(\.optimizerRank, 16, "\(field): 16, LLaMA-Factory's default")
      draft.request.optimizerImplementation = nil
    }
    if try fields.flag("use_galore") == true {
      let isLayerwise = try fields.flag("galore_layerwise") ?? false
      switch draft.request.optimizer {
      case .adamw8bit, .pagedAdamw8bit:
        draft.request.optimizer = isLayerwise ? .galoreAdamw8bitLayerwise : .galoreAdamw8bit
      case .adafactor: draft.request.optimizer = isLayerwise ? .galoreAdafactorLayerwise : .galoreAdafactor
      default: draft.request.optimizer = isLayerwise ? .galoreAdamwLayerwise : .galoreAdamw
      }
      try rank("galore_rank")
    } else if try fields.flag("use_apollo") == true {
      let isLayerwise = try fields.flag("apollo_layerwise") ?? false
      draft.request.optimizer = isLayerwise ? .apolloAdamwLayerwise : .apolloAdamw
      try rank("apollo_rank")
    } else if try fields.flag("use_muon") == true {
      draft.request.optimizer = .muon
      draft.request.optimizerImplementation = nil
    } else if try fields.flag("use_adam_mini") == true {
      draft.request.optimizer = .adamMini
      draft.request.optimizerImplementation = nil
    }
    fields.settle("galore_update_interval", "galore_scale", "galore_proj_type", "galore_target", "apollo_target")
    fields.settle("apollo_update_interval", "apollo_scale", "apollo_proj", "apollo_proj_type", "apollo_scale_type")
  }
}
