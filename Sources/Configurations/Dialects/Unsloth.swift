import Bookkeeping
import Modeling

/// The keyword arguments of Unsloth's `from_pretrained` and `get_peft_model`, in one object or in one each, and those of
/// `SFTConfig` (unsloth/models/loader.py, llama.py and rl.py of 2026.10.9).
struct UnslothReader: DialectReader {
  static let notModeled = TrainerArguments.notModeled.union([
    "load_in_fp8", "qat_scheme", "fast_inference", "float32_mixed_precision", "unsloth_tiled_mlp", "offload_embedding",
    "layers_to_transform", "layers_pattern", "finetune_last_n_layers", "target_parameters", "offload_layers",
    "checkpoint_skip_layers", "resize_model_vocab", "bias",
  ])

  static func read(_ fields: ConfigurationFields, into draft: inout ConfigurationDraft) throws(ConfigurationError) {
    draft.use(.unsloth)
    let model = try fields.object("from_pretrained") ?? fields
    let adapter = try fields.object("get_peft_model") ?? fields
    try readModel(model, &draft)
    if draft.request.method != .full { try readAdapter(adapter, &draft) }
    var trainer: ConfigurationFields?
    for name in ["SFTConfig", "TrainingArguments", "args"] where fields.has(name) { trainer = try fields.object(name) }
    let names = ["per_device_train_batch_size", "gradient_accumulation_steps", "optim", "learning_rate"]
    if trainer == nil, names.contains(where: fields.has) { trainer = fields }
    if let trainer { try readTrainer(trainer, &draft) }
    draft.request.loss = .fused
    draft.request.adapterFormat = .fp32
  }

  /// loader.py: 2048 tokens, 4 bits; bf16 where the GPU has it.
  private static func readModel(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    draft.configuration.model = try fields.text("model_name")
    draft.request.sequence = try fields.count("max_seq_length")
    draft.fill(\.sequence, 2048, "max_seq_length: 2048, Unsloth's default")
    draft.request.weightFormat = try TrainerArguments.format("dtype", of: fields)
    draft.fill(\.weightFormat, .bf16, "dtype: bf16, Unsloth's default on GPUs that have it")
    draft.request.precision = .autocast
    let isFull = try fields.flag("full_finetuning") ?? false
    let eight = try fields.flag("load_in_8bit") ?? false
    let sixteen = try fields.flag("load_in_16bit") ?? false
    let four = try fields.flag("load_in_4bit")
    if isFull {
      draft.request.method = .full
      return
    }
    if four == nil, !eight, !sixteen { draft.configuration.defaults.append("load_in_4bit: on, Unsloth's default") }
    if four == true, eight { throw fields.conflict("load_in_8bit", "load_in_4bit is on too") }
    // models/_utils.py: nf4 with double quantization.
    let quantization: Quantization? = eight ? .int8 : (four ?? !sixteen) ? .nf4(double: true) : nil
    draft.request.quantization = .some(quantization)
    draft.request.method = quantization == nil ? .lora : .qlora
  }

  /// llama.py, `get_peft_model`: rank and alpha 16, no dropout, all seven projections, its own checkpointing.
  private static func readAdapter(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    if let bias = try fields.text("bias"), bias != "none" {
      throw fields.unsupported("bias", "biases that train beside adapters have no rule")
    }
    draft.request.rank = try fields.integer("r", in: 1...65536)
    draft.fill(\.rank, 16, "r: 16, Unsloth's default")
    draft.request.alpha = try fields.number("lora_alpha")
    draft.fill(\.alpha, 16, "lora_alpha: 16, Unsloth's default")
    draft.request.loraDropout = try fields.number("lora_dropout")
    draft.fill(\.loraDropout, 0, "lora_dropout: 0, Unsloth's default")
    draft.request.decomposesWeights = try fields.flag("use_dora") ?? false
    draft.request.stabilizesRank = try fields.flag("use_rslora") ?? false
    draft.request.modulesToSave = try fields.names("modules_to_save")
    if fields.has("target_modules") {
      try PEFTTargets.read("target_modules", of: fields, &draft)
    } else {
      draft.fill(\.targets, .allLinear, "target_modules: all seven projections, Unsloth's default")
    }
    switch fields.value("use_gradient_checkpointing") {
    case nil:
      draft.fill(\.usesGradientCheckpointing, true, "use_gradient_checkpointing: unsloth, Unsloth's default")
    case .string("unsloth"): draft.request.usesGradientCheckpointing = true
    case .some:
      draft.request.usesGradientCheckpointing = try fields.flag("use_gradient_checkpointing")
      draft.choices?.checkpoints = .device
    }
  }

  /// rl.py: Unsloth's `SFTConfig` starts from 4 sequences, 2 micro-batches, adamw_8bit, 5e-5, a decay of 0.001, and an
  /// empty cache every 250 steps.
  private static func readTrainer(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    let arguments = TrainerArguments(fields: fields, title: "Unsloth")
    try arguments.readStep(
      &draft, batch: 4, accumulation: 2, optimizer: "adamw_8bit", learningRate: 5e-5,
      weightDecay: 0.001)
    _ = try arguments.mixedPrecision(default: .bf16)
    if draft.request.runtime == nil, let runtime = try? RuntimeSettings(emptyCacheSteps: 250) {
      draft.fill(\.runtime, runtime, "torch_empty_cache_steps: 250, Unsloth's default")
    }
  }
}
