import Bookkeeping
import Modeling

/// TRL's scripts: `SFTConfig` and `ModelConfig` (trl/trainer/sft_config.py, base_config.py, model_config.py,
/// trl/scripts/sft.py of 1.16).
struct TRLReader: DialectReader {
  static let notModeled = TrainerArguments.notModeled.union([
    "bnb_4bit_quant_storage", "lora_target_parameters", "ref_model", "beta", "router_aux_loss_coef", "num_generations",
    "max_completion_length", "loss_type", "label_names", "use_vllm",
  ])

  static func read(_ fields: ConfigurationFields, into draft: inout ConfigurationDraft) throws(ConfigurationError) {
    let arguments = TrainerArguments(fields: fields, title: "TRL")
    // trl/trainer/sft_trainer.py, `compute_loss`: label smoothing takes the model's own forward, with all logits.
    let smooths = try fields.number("label_smoothing_factor") ?? 0 > 0
    draft.use(smooths ? .trlFullLogits : .trl)
    draft.configuration.model = try fields.text("model_name_or_path")
    try arguments.readStep(&draft, learningRate: 2e-5)
    // base_config.py: gradient checkpointing is on.
    try arguments.readCheckpointing(&draft, default: true)
    try arguments.readSharding(&draft)
    // base_config.py, `__post_init__`: bf16 unless fp16.
    let autocast = try arguments.mixedPrecision(default: .bf16)
    draft.request.precision = autocast == nil ? .pure : .autocast
    if !fields.has("bf16"), autocast == .bf16 { draft.configuration.defaults.append("bf16: on, TRL's default") }
    try arguments.readLiger(&draft, fusesHead: false)
    draft.request.loss = smooths ? .full : .fused

    // sft_config.py: 1024; `null` cuts nothing.
    let older = try fields.count("max_seq_length")
    draft.request.sequence = try fields.count("max_length") ?? older
    if fields.isNull("max_length") {
      draft.note("max_length is null, so that nothing is cut: name the longest sample with --seq")
    } else {
      draft.fill(\.sequence, 1024, "max_length: 1024, TRL's default")
    }
    draft.request.attention = try TrainerArguments.attention("attn_implementation", of: fields, &draft)
    // model_config.py: "float32".
    let formatField = fields.has("torch_dtype") ? "torch_dtype" : "dtype"
    if fields.has(formatField) {
      draft.request.weightFormat = try TrainerArguments.format(formatField, of: fields) ?? .bf16
    }
    if let inner = try fields.object("model_init_kwargs") {
      for name in ["torch_dtype", "dtype"] where inner.has(name) {
        draft.request.weightFormat = try TrainerArguments.format(name, of: inner) ?? .bf16
      }
      if let attention = try TrainerArguments.attention("attn_implementation", of: inner, &draft) {
        draft.request.attention = attention
      }
    }
    draft.fill(\.weightFormat, .fp32, "dtype: float32, TRL's default")
    try readMethod(fields, &draft)
  }

  /// trl/trainer/utils.py, `get_peft_config` and `get_quantization_config`.
  private static func readMethod(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    let usesPEFT = try fields.flag("use_peft") ?? false
    let quantization = try BitsAndBytesFields.read(
      fields, doubleField: "use_bnb_nested_quant", doubleDefault: false, &draft)
    guard usesPEFT else {
      if quantization != nil {
        throw fields.conflict(
          fields.has("load_in_4bit") ? "load_in_4bit" : "load_in_8bit",
          "a quantized base trains nothing without use_peft: true")
      }
      draft.fill(\.method, .full, "use_peft: off, so that everything trains")
      fields.settle(
        "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "lora_modules_to_save", "use_dora", "use_rslora",
        "bnb_4bit_quant_type", "use_bnb_nested_quant")
      return
    }
    draft.request.quantization = .some(quantization)
    draft.request.method = quantization == nil ? .lora : .qlora
    draft.request.rank = try fields.integer("lora_r", in: 1...65536)
    draft.fill(\.rank, 16, "lora_r: 16, TRL's default")
    draft.request.alpha = try fields.number("lora_alpha")
    draft.fill(\.alpha, 32, "lora_alpha: 32, TRL's default")
    draft.request.loraDropout = try fields.number("lora_dropout")
    draft.fill(\.loraDropout, 0.05, "lora_dropout: 0.05, TRL's default")
    draft.request.decomposesWeights = try fields.flag("use_dora") ?? false
    draft.request.stabilizesRank = try fields.flag("use_rslora") ?? false
    draft.request.modulesToSave = try fields.names("lora_modules_to_save")
    try PEFTTargets.read("lora_target_modules", of: fields, &draft)
  }
}

/// TrainingArguments of a script of one's own (transformers/training_args.py).
struct TransformersReader: DialectReader {
  static let notModeled = TrainerArguments.notModeled

  static func read(_ fields: ConfigurationFields, into draft: inout ConfigurationDraft) throws(ConfigurationError) {
    let arguments = TrainerArguments(fields: fields, title: "Transformers")
    draft.use(.transformers)
    draft.configuration.model = try fields.text("model_name_or_path")
    try arguments.readStep(&draft, learningRate: 5e-5)
    try arguments.readCheckpointing(&draft, default: false)
    let autocast = try arguments.mixedPrecision(default: nil)
    draft.request.precision = autocast == nil ? .pure : .autocast
    if autocast == nil, !fields.has("bf16") {
      draft.configuration.defaults.append("bf16 and fp16: off, Transformers' default")
    }
    let usesLiger = try fields.flag("use_liger_kernel") ?? false
    if usesLiger { draft.use(.liger) }
    try arguments.readSharding(&draft)
    // A stack of its own was taken, so the arguments of checkpointing are read again.
    try arguments.readCheckpointing(&draft, default: false)
    try arguments.readLiger(&draft, fusesHead: true)
    if !usesLiger { draft.request.loss = .full }
    draft.request.attention = try TrainerArguments.attention("attn_implementation", of: fields, &draft)
    let formatField = fields.has("torch_dtype") ? "torch_dtype" : "dtype"
    if fields.has(formatField) { draft.request.weightFormat = try TrainerArguments.format(formatField, of: fields) }
    for field in ["block_size", "max_seq_length", "model_max_length"] where draft.request.sequence == nil {
      draft.request.sequence = try fields.count(field)
    }
    if draft.request.sequence == nil {
      draft.note("TrainingArguments say nothing about the length of samples, nor about what trains: name them")
    }
  }
}

/// `load_in_4bit` and what goes with it, by Transformers' names.
enum BitsAndBytesFields {
  static func read(
    _ fields: ConfigurationFields, doubleField: String, doubleDefault: Bool, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) -> Quantization? {
    let four = try fields.flag("load_in_4bit") ?? false
    let eight = try fields.flag("load_in_8bit") ?? false
    guard !four || !eight else { throw fields.conflict("load_in_8bit", "load_in_4bit is on too") }
    guard four else { return eight ? .int8 : nil }
    if !fields.has(doubleField) {
      draft.configuration.defaults.append("\(doubleField): \(doubleDefault ? "on" : "off"), the software's default")
    }
    let isDouble = try fields.flag(doubleField) ?? doubleDefault
    return try codes("bnb_4bit_quant_type", of: fields, double: isDouble)
  }

  /// nf4 unless it says fp4.
  static func codes(
    _ field: String, of fields: ConfigurationFields, double: Bool, default fallback: String = "nf4"
  ) throws(ConfigurationError) -> Quantization {
    switch try fields.text(field) ?? fallback {
    case "nf4": return .nf4(double: double)
    case "fp4": return .fp4(double: double)
    default: throw fields.unsupported(field, "it must be nf4 or fp4")
    }
  }
}
