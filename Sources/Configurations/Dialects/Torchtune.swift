import Bookkeeping
import Modeling

/// torchtune's YAML (recipes/*.py and torchtune/models of 0.6.1): components by name, with their arguments.
struct TorchtuneReader: DialectReader {
  static let notModeled: Set<String> = [
    "compile", "enable_activation_offloading", "ac_mode", "ac_option", "custom_sharded_layers", "quantizer",
    "tensor_parallel_plan", "data_parallel_replicate_dim", "data_parallel_shard_dim", "fsdp_reshard_after_forward",
  ]

  static func read(_ fields: ConfigurationFields, into draft: inout ConfigurationDraft) throws(ConfigurationError) {
    draft.use(.torchtune)
    // Distributed recipes wrap with `fully_shard` (torchtune/training/_distributed.py, `shard_model`).
    draft.configuration.sharesBy = .fsdp2
    guard let model = try fields.object("model") else {
      throw fields.missing("model", "torchtune builds nothing without it")
    }
    try readModel(model, &draft)
    draft.request.microBatch = try fields.count("batch_size")
    draft.request.accumulation = try fields.count("gradient_accumulation_steps")
    draft.fill(\.accumulation, 1, "gradient_accumulation_steps: 1, torchtune's default")
    let tokenizer = try fields.object("tokenizer")?.count("max_seq_len")
    let dataSet = try fields.object("dataset")?.count("max_seq_len")
    draft.request.sequence = tokenizer ?? dataSet
    if draft.request.sequence == nil { draft.note("tokenizer.max_seq_len is open: name the longest sample with --seq") }
    // training/precision.py, `get_dtype`: fp32 where nothing is said.
    draft.request.weightFormat = try TrainerArguments.format("dtype", of: fields)
    draft.fill(\.weightFormat, .fp32, "dtype: fp32, torchtune's default")
    draft.request.adapterFormat = draft.request.weightFormat
    draft.request.precision = .pure
    draft.request.usesGradientCheckpointing = try fields.flag("enable_activation_checkpointing")
    draft.fill(\.usesGradientCheckpointing, false, "enable_activation_checkpointing: off, torchtune's default")
    try readLoss(fields, &draft)
    try readOptimizer(fields, &draft)
    if try fields.flag("fsdp_cpu_offload") == true { draft.settings { $0.offload = .all } }
    if let size = try fields.count("tensor_parallel_dim"), size > 1 { draft.settings { $0.tensorParallelSize = size } }
  }

  /// torchtune/models/*/_model_builders.py: lora_rank 8, lora_alpha 16, no dropout, attention's modules only as named.
  private static func readModel(
    _ model: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    guard let component = try model.text("_component_"), let builder = component.split(separator: ".").last else {
      throw model.missing("_component_", "it names the model's builder")
    }
    let isQuantized = builder.hasPrefix("qlora_")
    let isAdapted = isQuantized || builder.hasPrefix("lora_")
    let name = String(isAdapted ? builder.drop { $0 != "_" }.dropFirst() : builder)
    draft.configuration.model = TorchtuneModels.preset(ofBuilder: name)
    if draft.configuration.model == nil {
      draft.note("\(component) is no model that is known by that name: name one on the command line")
    }
    guard isAdapted else {
      draft.request.method = .full
      return
    }
    let quantizes = try model.flag("quantize_base") ?? isQuantized
    draft.request.method = quantizes ? .qlora : .lora
    // modules/low_precision, `FrozenNF4Linear`: torchao's NF4, whose scales are quantized.
    draft.request.quantization = .some(quantizes ? .nf4(double: true) : nil)
    draft.request.rank = try model.integer("lora_rank", in: 1...65536)
    draft.fill(\.rank, 8, "lora_rank: 8, torchtune's default")
    draft.request.alpha = try model.number("lora_alpha")
    draft.fill(\.alpha, 16, "lora_alpha: 16, torchtune's default")
    draft.request.loraDropout = try model.number("lora_dropout")
    draft.fill(\.loraDropout, 0, "lora_dropout: 0, torchtune's default")
    draft.request.decomposesWeights = try model.flag("use_dora") ?? false
    if try model.flag("apply_lora_to_output") == true {
      throw model.unsupported("apply_lora_to_output", "an adapter on the head has no rule")
    }
    guard let attention = try model.names("lora_attn_modules") else {
      throw model.missing("lora_attn_modules", "torchtune has no default for it")
    }
    let projections = ["q_proj", "k_proj", "v_proj", "output_proj"]
    guard attention.allSatisfy(projections.contains) else {
      throw model.outOfRange("lora_attn_modules", "a list of \(projections.joined(separator: ", "))")
    }
    let mlp = try model.flag("apply_lora_to_mlp") ?? false
    let isWhole = Set(attention) == Set(projections)
    draft.request.targets =
      isWhole
      ? (mlp ? .allLinear : .attention)
      : .modules(
        attention.map { $0 == "output_proj" ? "o_proj" : $0 } + (mlp ? ["gate_proj", "up_proj", "down_proj"] : []))
  }

  private static func readLoss(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    guard let loss = try fields.object("loss"), let component = try loss.text("_component_") else { return }
    switch component.split(separator: ".").last.map(String.init) ?? "" {
    case "CEWithChunkedOutputLoss", "LinearCrossEntropyLoss": draft.request.loss = .chunked
    case "CrossEntropyLoss": draft.request.loss = .full
    default: throw loss.unsupported("_component_", "this loss has no rule")
    }
    loss.settle("num_output_chunks", "ignore_index")
  }

  private static func readOptimizer(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    // modules/optim: an optimizer of every parameter, which cannot add micro-batches up.
    let stepsInBackward = try fields.flag("optimizer_in_bwd") ?? false
    if stepsInBackward, draft.request.accumulation ?? 1 > 1 {
      throw fields.conflict("optimizer_in_bwd", "gradient_accumulation_steps is above 1, which torchtune refuses")
    }
    draft.choices?.stepsInBackward = stepsInBackward
    guard let optimizer = try fields.object("optimizer") else {
      throw fields.missing("optimizer", "torchtune does not start without it")
    }
    guard let component = try optimizer.text("_component_") else {
      throw optimizer.missing("_component_", "it names the optimizer's class")
    }
    draft.request.learningRate = try optimizer.number("lr")
    draft.request.weightDecay = try optimizer.number("weight_decay")
    let momentum = try optimizer.number("momentum") ?? 0
    let fused = try optimizer.flag("fused") ?? false
    optimizer.settle("betas", "eps", "foreach", "amsgrad")
    guard let kind = TorchtuneModels.optimizer(component, hasMomentum: momentum > 0) else {
      throw optimizer.unsupported("_component_", "this optimizer has no rule")
    }
    draft.request.optimizer = kind
    // torch/optim/optimizer.py, `_default_to_fused_or_foreach`.
    if component.hasPrefix("torch.optim."), kind != .adafactorTorch {
      draft.request.optimizerImplementation = fused ? .fused : .foreach
    }
  }
}

/// Names of torchtune's builders and optimizers in our words.
enum TorchtuneModels {
  /// Builders, without `lora_`, and the presets with their shapes.
  static let builders: [(builder: String, preset: String)] = [
    ("llama2_7b", "llama-2-7b"), ("llama2_13b", "llama-2-13b"), ("llama2_70b", "llama-2-70b"),
    ("code_llama2_7b", "code-llama-7b"), ("code_llama2_13b", "code-llama-13b"), ("llama3_8b", "llama-3-8b"),
    ("llama3_70b", "llama-3-70b"), ("llama3_1_8b", "llama-3.1-8b"), ("llama3_1_70b", "llama-3.1-70b"),
    ("llama3_1_405b", "llama-3.1-405b"), ("llama3_2_1b", "llama-3.2-1b"), ("llama3_2_3b", "llama-3.2-3b"),
    ("llama3_3_70b", "llama-3.3-70b"), ("mistral_7b", "mistral-7b-v0.1"), ("phi3_mini", "phi-3-mini"),
    ("gemma_2b", "gemma-2b"), ("gemma_7b", "gemma-7b"), ("gemma2_2b", "gemma-2-2b"), ("gemma2_9b", "gemma-2-9b"),
    ("gemma2_27b", "gemma-2-27b"), ("qwen2_0_5b", "qwen2-0.5b"), ("qwen2_1_5b", "qwen2-1.5b"), ("qwen2_7b", "qwen2-7b"),
    ("qwen2_5_0_5b", "qwen2.5-0.5b"), ("qwen2_5_1_5b_base", "qwen2.5-1.5b"), ("qwen2_5_3b", "qwen2.5-3b"),
    ("qwen2_5_7b_base", "qwen2.5-7b"), ("qwen2_5_14b_base", "qwen2.5-14b"), ("qwen2_5_32b_base", "qwen2.5-32b"),
    ("qwen2_5_72b_base", "qwen2.5-72b"), ("phi4_14b", "phi-4"),
  ]

  static func preset(ofBuilder name: String) -> String? {
    let base = name.hasSuffix("_instruct") ? String(name.dropLast("_instruct".count)) + "_base" : name
    return builders.first { $0.builder == base }.flatMap { Presets.named($0.preset)?.name }
  }

  static func builder(ofPreset name: String) -> String? { builders.first { $0.preset == name }?.builder }

  /// Classes and what they are; the first of a kind is what is written.
  static let optimizers: [(component: String, kind: Optimizer.Kind)] = [
    ("torch.optim.AdamW", .adamw), ("torch.optim.Adam", .adamw), ("torch.optim.SGD", .sgd),
    ("torch.optim.Adagrad", .adagrad), ("torch.optim.RMSprop", .rmsprop), ("torch.optim.Adafactor", .adafactorTorch),
    ("bitsandbytes.optim.AdamW8bit", .adamw8bit), ("bitsandbytes.optim.PagedAdamW", .pagedAdamw),
    ("bitsandbytes.optim.PagedAdamW32bit", .pagedAdamw), ("bitsandbytes.optim.PagedAdamW8bit", .pagedAdamw8bit),
    ("bitsandbytes.optim.AdamW", .adamw32bit), ("bitsandbytes.optim.AdamW32bit", .adamw32bit),
    ("bitsandbytes.optim.Lion", .lion), ("bitsandbytes.optim.Lion8bit", .lion8bit),
    ("bitsandbytes.optim.PagedLion", .pagedLion), ("bitsandbytes.optim.PagedLion8bit", .pagedLion8bit),
    ("bitsandbytes.optim.AdEMAMix", .ademamix), ("bitsandbytes.optim.AdEMAMix8bit", .ademamix8bit),
    ("torchao.prototype.low_bit_optim.AdamW8bit", .adamwTorch8bit),
    ("torchao.prototype.low_bit_optim.AdamW4bit", .adamwTorch4bit),
    ("torchao.prototype.low_bit_optim.AdamWFp8", .adamwTorchFP8),
    ("torchao.optim.AdamW8bit", .adamwTorch8bit), ("torchao.optim.AdamW4bit", .adamwTorch4bit),
  ]

  static func optimizer(_ component: String, hasMomentum: Bool) -> Optimizer.Kind? {
    guard let kind = optimizers.first(where: { $0.component == component })?.kind else { return nil }
    return kind == .sgd && hasMomentum ? .sgdMomentum : kind
  }
}
