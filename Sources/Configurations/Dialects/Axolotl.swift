import Bookkeeping
import Modeling

/// axolotl's YAML (axolotl/utils/schemas/*.py, loaders/model.py, loaders/adapter.py, utils/config/__init__.py of 0.19).
struct AxolotlReader: DialectReader {
  static let notModeled: Set<String> = [
    "activation_offloading", "layer_offloading", "selective_checkpointing", "torch_compile", "fp8",
    "fp8_config", "quantize_moe_experts", "model_quantization_config", "context_parallel_size",
    "sequence_parallel_degree", "relora", "lora_rank_pattern", "lora_alpha_pattern", "lora_target_parameters",
    "peft_layers_to_transform", "peft_layers_pattern", "peft_layer_replication", "peft_trainable_token_indices",
    "lora_embedding_kernel", "rl", "flash_attn_fuse_mlp", "flash_attn_cross_entropy", "batch_flattening",
    "liger_layer_norm", "liger_rms_norm_gated", "chunked_cross_entropy_num_chunks", "tiled_mlp", "gptq",
    "embeddings_skip_upcast", "neftune_noise_alpha", "peft_autocast_adapter_dtype", "resize_token_embeddings_to_32x",
    "multimodal", "dp_shard_size", "dp_replicate_size", "fused_attn_kernel", "unsloth_lora_mlp", "use_kernels",
  ]

  static func read(_ fields: ConfigurationFields, into draft: inout ConfigurationDraft) throws(ConfigurationError) {
    draft.use(.axolotl)
    guard let model = try fields.text("base_model") else {
      throw fields.missing("base_model", "axolotl does not start without it")
    }
    draft.configuration.model = model
    try readStep(fields, &draft)
    try readFormats(fields, &draft)
    try readMethod(fields, &draft)
    try readKernels(fields, &draft)
    try readAttention(fields, &draft)
    try readSharding(fields, &draft)
    if try fields.flag("sample_packing") == true {
      draft.note("sample_packing fills sequences: every one is planned at its full length")
    }
  }

  /// utils/schemas/training.py: micro-batch 1, accumulation 1, adamw_torch_fused; config.py: sequence_len 512.
  private static func readStep(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    draft.request.microBatch = try fields.count("micro_batch_size")
    draft.fill(\.microBatch, 1, "micro_batch_size: 1, axolotl's default")
    draft.request.accumulation = try fields.count("gradient_accumulation_steps")
    if draft.request.accumulation == nil, let total = try fields.count("batch_size") {
      // utils/config/__init__.py, `normalize_config`.
      draft.request.accumulation = max(1, total / (draft.request.microBatch ?? 1))
    }
    draft.fill(\.accumulation, 1, "gradient_accumulation_steps: 1, axolotl's default")
    draft.request.sequence = try fields.count("sequence_len")
    draft.fill(\.sequence, 512, "sequence_len: 512, axolotl's default")
    draft.request.learningRate = try fields.number("learning_rate")
    draft.request.weightDecay = try fields.number("weight_decay")
    draft.fill(\.weightDecay, 0, "weight_decay: 0, axolotl's default")
    let arguments = TrainerArguments(fields: fields, title: "axolotl")
    try arguments.readOptimizer("optimizer", &draft, default: "adamw_torch_fused")
    try arguments.readProcess(&draft)
    if let name = fields.value("gradient_checkpointing")?.stringValue, name == "offload" || name == "offload_disk" {
      draft.request.usesGradientCheckpointing = true
      draft.choices?.checkpoints = .host
      draft.note("gradient_checkpointing: \(name): inputs of layers are planned as waiting in host memory")
    } else {
      draft.request.usesGradientCheckpointing = try fields.flag("gradient_checkpointing")
    }
    draft.fill(\.usesGradientCheckpointing, false, "gradient_checkpointing: off, axolotl's default")
    if let reenters = try fields.object("gradient_checkpointing_kwargs")?.flag("use_reentrant") {
      draft.choices?.reentersCheckpoints = reenters
    }
  }

  /// utils/config/__init__.py, `resolve_dtype`: bf16 and fp16 run under autocast, bfloat16 and float16 without.
  private static func readFormats(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    let fp16 = try fields.flag("fp16") ?? false
    let isPure = try fields.flag("bfloat16") ?? false
    let isPureHalf = try fields.flag("float16") ?? false
    _ = try fields.flag("float32")
    // "auto", the default, asks the GPU; every one since Ampere has bf16. "full" is about evaluation too.
    var bf16 = !fp16
    if let word = fields.value("bf16")?.stringValue, word == "auto" || word == "full" {
      if word == "auto" { draft.note("bf16: auto is on for every GPU since Ampere") }
    } else if let flag = try fields.flag("bf16") {
      bf16 = flag
    } else {
      draft.configuration.defaults.append("bf16: auto, axolotl's default")
    }
    let eight = try fields.flag("load_in_8bit") ?? false
    let takesHalf = fp16 || isPureHalf || eight
    draft.request.weightFormat = bf16 || isPure ? .bf16 : takesHalf ? .fp16 : .fp32
    draft.request.precision = bf16 || fp16 ? .autocast : .pure
  }

  private static func readMethod(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    if fields.has("unfrozen_parameters") {
      throw fields.unsupported("unfrozen_parameters", "patterns over parameters have no rule: try --method freeze")
    }
    let four = try fields.flag("load_in_4bit") ?? false
    let eight = try fields.flag("load_in_8bit") ?? false
    guard let adapter = try fields.text("adapter") else {
      guard !four, !eight else {
        throw fields.conflict(
          four ? "load_in_4bit" : "load_in_8bit", "a quantized base trains nothing without an adapter")
      }
      draft.fill(\.method, .full, "adapter: none, so that everything trains")
      return
    }
    switch adapter {
    case "lora":
      // loaders/model.py, `_set_quantization_config`: a LoRA's base is quantized to 8 bits only.
      if four {
        throw fields.conflict("load_in_4bit", "adapter: lora does not quantize to 4 bits, adapter: qlora does")
      }
      draft.request.method = eight ? .qlora : .lora
      draft.request.quantization = .some(eight ? .int8 : nil)
    case "qlora":
      guard four else { throw fields.conflict("adapter", "axolotl asks for load_in_4bit: true with it") }
      // loaders/model.py: nf4 with double quantization unless bnb_config_kwargs say otherwise.
      let changes = try fields.object("bnb_config_kwargs")
      let isDouble = try changes?.flag("bnb_4bit_use_double_quant") ?? true
      draft.request.method = .qlora
      let codes = try changes.map { (c) throws(ConfigurationError) in
        try BitsAndBytesFields.codes("bnb_4bit_quant_type", of: c, double: isDouble)
      }
      draft.request.quantization = .some(codes ?? .nf4(double: isDouble))
    default: throw fields.unsupported("adapter", "only lora and qlora have a rule")
    }
    guard let rank = try fields.integer("lora_r", in: 1...65536) else {
      throw fields.missing("lora_r", "axolotl hands PEFT what stands here, and has no default")
    }
    guard let alpha = try fields.number("lora_alpha") else {
      throw fields.missing("lora_alpha", "axolotl hands PEFT what stands here, and has no default")
    }
    (draft.request.rank, draft.request.alpha) = (rank, alpha)
    draft.request.loraDropout = try fields.number("lora_dropout")
    draft.fill(\.loraDropout, 0, "lora_dropout: 0, axolotl's default")
    draft.request.decomposesWeights = try fields.flag("peft_use_dora") ?? false
    draft.request.stabilizesRank = try fields.flag("peft_use_rslora") ?? false
    draft.request.modulesToSave = try fields.names("lora_modules_to_save")
    // loaders/adapter.py, `_build_peft_lora_config`: the two add up.
    if try fields.flag("lora_target_linear") == true {
      draft.request.targets = .allLinear
      fields.settle("lora_target_modules")
    } else if fields.has("lora_target_modules") {
      try PEFTTargets.read("lora_target_modules", of: fields, &draft)
    } else {
      throw fields.missing("lora_target_modules", "name modules, or all with lora_target_linear: true")
    }
  }

  private static func readKernels(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    // integrations/liger/plugin.py: every kernel is off unless it is named.
    if try fields.flag("liger_rms_norm") == true { draft.choices?.norm = .liger }
    if try fields.flag("liger_rope") == true { draft.choices?.rotary = .liger }
    let swiglu = try fields.flag("liger_swiglu")
    if try fields.flag("liger_glu_activation") ?? swiglu == true { draft.choices?.gate = .liger }
    let crossEntropy = try fields.flag("liger_cross_entropy") ?? false
    let head = try fields.flag("liger_fused_linear_cross_entropy") ?? false
    guard !crossEntropy || !head else {
      throw fields.conflict("liger_cross_entropy", "liger_fused_linear_cross_entropy is on too: axolotl takes one")
    }
    draft.request.loss = .full
    if crossEntropy { draft.choices?.crossEntropy = .inPlace }
    if head {
      draft.choices?.fusedHead = .liger
      draft.request.loss = .fused
    } else if try fields.flag("cut_cross_entropy") == true {
      draft.choices?.fusedHead = .trl
      draft.request.loss = .fused
      draft.note("cut_cross_entropy is planned as TRL's fused head, which keeps no logits either")
    } else if try fields.flag("chunked_cross_entropy") == true {
      draft.request.loss = .chunked
    }
    try readAdapterKernels(fields, &draft)
  }

  /// utils/schemas/config.py, `check_auto_enable_lora_kernels`.
  private static func readAdapterKernels(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    guard draft.request.method == .lora || draft.request.method == .qlora else {
      draft.choices?.adapters = .peft
      return
    }
    var named: [Bool] = []
    for field in ["lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel"] {
      if let flag = try fields.flag(field) { named.append(flag) }
    }
    let hasEmbeddingKernel = fields.has("lora_embedding_kernel")
    guard named.isEmpty, !hasEmbeddingKernel else {
      draft.choices?.adapters = named.contains(true) ? .axolotl : .peft
      if named.contains(true), named.count < 3 || named.contains(false) {
        draft.note("some lora kernels are on and some are not: planned as if all three were")
      }
      return
    }
    let isEightBit = draft.request.quantization == .some(.int8)
    let rl = fields.has("rl")
    let trusts = try fields.flag("trust_remote_code") ?? false
    let isOn = !isEightBit && !rl && !trusts && draft.request.sharding != .fsdp
    draft.choices?.adapters = isOn ? .axolotl : .peft
    draft.configuration.defaults.append(
      "lora_mlp_kernel, lora_qkv_kernel and lora_o_kernel: \(isOn ? "on" : "off"), as axolotl decides for itself")
  }

  /// utils/schemas/enums.py, `LEGACY_ATTN_FLAG_TO_IMPL`.
  private static func readAttention(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    draft.request.attention = try TrainerArguments.attention("attn_implementation", of: fields, &draft)
    let flags: [(String, AttentionImplementation)] = [
      ("flash_attention", .flash), ("sdp_attention", .sdpa), ("eager_attention", .eager),
      ("xformers_attention", .flash),
      ("flex_attention", .flash), ("sage_attention", .flash),
    ]
    for (field, implementation) in flags where try fields.flag(field) == true {
      draft.request.attention = draft.request.attention ?? implementation
    }
  }

  private static func readSharding(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    if let size = try fields.count("tensor_parallel_size"), size > 1 { draft.settings { $0.tensorParallelSize = size } }
    let words = try fields.names("fsdp") ?? []
    let version = try fields.integer("fsdp_version", in: 1...2)
    let inner = try fields.object("fsdp_config")
    if inner != nil || !words.isEmpty {
      let settings = inner ?? ConfigurationFields([:], file: fields.file)
      try FSDPReader.read(settings, words: words, version: version, into: &draft)
      // utils/trainer.py, `setup_fsdp_envs`: it passes no prefetch on, and original parameters only where they are named.
      let keeps = settings.has("use_orig_params") || settings.has("fsdp_use_orig_params")
      if draft.request.sharding == .fsdp {
        draft.settings {
          $0.prefetchesBackward = false
          if !keeps { $0.usesOriginalParameters = false }
        }
      }
    }
    try DeepSpeedReader.readReference("deepspeed", of: fields, into: &draft)
    if draft.request.sharding == .fsdp, draft.choices?.adapters == .axolotl { draft.choices?.adapters = .peft }
  }
}
