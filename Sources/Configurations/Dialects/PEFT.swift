import Bookkeeping
import Modeling

/// PEFT's `adapter_config.json` (peft/tuners/*/config.py of 0.21.2): what an adapter is, and nothing about the step.
struct PEFTReader: DialectReader {
  static let notModeled: Set<String> = [
    "layers_to_transform", "layers_pattern", "rank_pattern", "alpha_pattern", "bias", "trainable_token_indices",
    "target_parameters", "layer_replication", "exclude_modules", "arrow_config", "alora_invocation_tokens", "lora_bias",
    "use_qalora", "boft_n_butterfly_factor", "decompose_both", "decompose_factor", "feedforward_modules",
    "num_transformer_submodules", "block_share", "coft", "prefix_projection", "encoder_num_layers", "megatron_core",
    "modules_to_save", "lora_ga_config", "velora_config", "ensure_weight_tying",
  ]

  static func read(_ fields: ConfigurationFields, into draft: inout ConfigurationDraft) throws(ConfigurationError) {
    if draft.configuration.model == nil {
      draft.configuration.model = try fields.text("base_model_name_or_path")
    } else {
      fields.settle("base_model_name_or_path")
    }
    guard let type = try fields.text("peft_type") else {
      throw fields.missing("peft_type", "it says which method it is")
    }
    // A trainer's own file speaks of full fine-tuning only because the adapter is here.
    if draft.request.method == .full { draft.request.method = nil }
    fields.settle("task_type", "inference_mode", "bias")
    if let bias = try fields.text("bias"), bias != "none" {
      throw fields.unsupported("bias", "biases that train beside adapters have no rule")
    }
    for field in ["rank_pattern", "alpha_pattern"] where try fields.object(field)?.keys.isEmpty == false {
      draft.note("\(field) gives some modules another rank: all are planned with the one rank")
    }
    switch type.uppercased() {
    case "LORA": try readLoRA(fields, &draft)
    case "ADALORA":
      draft.request.method = .adalora
      draft.request.rank = try fields.integer("init_r", in: 1...65536)
      draft.fill(\.rank, 12, "init_r: 12, PEFT's default")
      draft.request.alpha = try fields.number("lora_alpha")
      draft.request.loraDropout = try fields.number("lora_dropout")
      fields.settle("target_r", "r", "tinit", "tfinal", "deltaT", "beta1", "beta2", "orth_reg_weight", "total_step")
      try PEFTTargets.read("target_modules", of: fields, &draft)
    case "VERA": try readRanked(.vera, 256, fields, &draft)
    case "LOHA": try readRanked(.loha, 8, fields, &draft)
    case "LOKR": try readRanked(.lokr, 8, fields, &draft)
    case "OFT": try readBlocks(.oft, "oft_block_size", 32, fields, &draft)
    case "BOFT": try readBlocks(.boft, "boft_block_size", 4, fields, &draft)
    case "IA3":
      draft.request.method = .ia3
      if fields.has("target_modules") { try PEFTTargets.read("target_modules", of: fields, &draft) }
    case "LN_TUNING":
      draft.request.method = .lnTuning
      fields.settle("target_modules")
    case "PROMPT_TUNING": try readVirtual(.prompt, fields, &draft)
    case "P_TUNING":
      try readVirtual(.pTuning, fields, &draft)
      draft.request.encoderWidth = try fields.integer("encoder_hidden_size", in: 1...1 << 20)
    case "PREFIX_TUNING":
      try readVirtual(.prefix, fields, &draft)
      if try fields.flag("prefix_projection") == true {
        throw fields.unsupported("prefix_projection", "only the table without a projection has a rule")
      }
    default: throw fields.unsupported("peft_type", "this kind of adapter has no rule")
    }
  }

  /// peft/tuners/lora/config.py: r 8, lora_alpha 8, no dropout.
  private static func readLoRA(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    // A base that a trainer's file quantizes stays quantized.
    let quantization = draft.request.quantization ?? nil
    draft.request.method = quantization == nil ? .lora : .qlora
    draft.request.rank = try fields.integer("r", in: 1...65536)
    draft.fill(\.rank, 8, "r: 8, PEFT's default")
    draft.request.alpha = try fields.number("lora_alpha")
    draft.fill(\.alpha, 8, "lora_alpha: 8, PEFT's default")
    draft.request.loraDropout = try fields.number("lora_dropout")
    draft.fill(\.loraDropout, 0, "lora_dropout: 0, PEFT's default")
    draft.request.decomposesWeights = try fields.flag("use_dora") ?? false
    draft.request.stabilizesRank = try fields.flag("use_rslora") ?? false
    draft.request.modulesToSave = try fields.names("modules_to_save")
    try PEFTTargets.read("target_modules", of: fields, &draft)
  }

  private static func readRanked(
    _ method: Method.Name, _ rank: Int, _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    draft.request.method = method
    draft.request.rank = try fields.integer("r", in: 1...65536)
    draft.fill(\.rank, rank, "r: \(rank), PEFT's default")
    fields.settle(
      "alpha", "rank_dropout", "module_dropout", "vera_dropout", "d_initial", "save_projection", "projection_prng_key",
      "use_effective_conv2d", "rank_dropout_scale", "init_weights")
    try PEFTTargets.read("target_modules", of: fields, &draft)
  }

  private static func readBlocks(
    _ method: Method.Name, _ field: String, _ size: Int, _ fields: ConfigurationFields,
    _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    draft.request.method = method
    for count in ["r", "boft_block_num"] where try fields.integer(count, in: 0...1 << 20) ?? 0 > 0 {
      throw fields.unsupported(count, "blocks are planned by their size: give \(field) instead of their number")
    }
    draft.request.blockSize = try fields.integer(field, in: 1...4096)
    draft.fill(\.blockSize, size, "\(field): \(size), PEFT's default")
    fields.settle(
      "boft_dropout", "module_dropout", "init_weights", "eps", "use_cayley_neumann", "num_cayley_neumann_terms")
    try PEFTTargets.read("target_modules", of: fields, &draft)
  }

  private static func readVirtual(
    _ method: Method.Name, _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    draft.request.method = method
    guard let count = try fields.integer("num_virtual_tokens", in: 1...65536) else {
      throw fields.missing("num_virtual_tokens", "PEFT has no default for it")
    }
    draft.request.virtualTokens = count
    fields.settle(
      "token_dim", "num_attention_heads", "num_layers", "prompt_tuning_init", "prompt_tuning_init_text",
      "tokenizer_name_or_path", "tokenizer_kwargs", "encoder_dropout", "encoder_reparameterization_type")
  }
}

/// `target_modules` as PEFT reads it: a list of names, `all-linear`, or one regular expression.
enum PEFTTargets {
  static func read(
    _ field: String, of fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    guard let value = fields.value(field) else {
      draft.configuration.deferred.append(.peftTargets)
      draft.configuration.defaults.append("\(field): PEFT's for this family")
      return
    }
    if let text = value.stringValue, text != "all-linear", text.contains(where: { "*|()[]^$\\+?".contains($0) }) {
      draft.configuration.deferred.append(.targetPattern(text, file: fields.file, field: fields.label(field)))
      return
    }
    guard let names = try fields.names(field), !names.isEmpty else {
      throw fields.outOfRange(field, "names of modules")
    }
    draft.request.targets = targets(names)
  }

  /// `all-linear` is PEFT's word, `all` LLaMA-Factory's.
  static func targets(_ names: [String]) -> LoRA.Targets {
    names.contains("all-linear") || names == ["all"] ? .allLinear : .modules(names)
  }

  /// peft/utils/constants.py, `TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING`, which most methods share.
  ///
  /// - Returns: `nil` for a family that PEFT knows no targets of.
  static func defaults(of spec: ModelSpec, method: Method.Name?) -> LoRA.Targets? {
    switch (spec.architecture, method) {
    // `TRANSFORMERS_MODELS_TO_ADALORA_TARGET_MODULES_MAPPING` has fewer families.
    case (.mistral, .adalora?), (.mixtral, .adalora?), (.phi, .adalora?), (.chatGLM, .adalora?): nil
    case (.gpt2, _): .modules(["c_attn"])
    case (.gptNeoX, _), (.chatGLM, _): .modules(["query_key_value"])
    case (.phi, .vera?): .modules(["q_proj", "v_proj"])
    case (.phi, _): .modules(["q_proj", "v_proj", "fc1", "fc2"])
    case (.llama, _), (.mistral, _), (.mixtral, _), (.gemma, _), (.gemma2, _), (.gemma3, _), (.qwen2, _), (.qwen3, _):
      .modules(["q_proj", "v_proj"])
    case (.phi3, _), (.qwen, _), (.qwen2MoE, _), (.qwen3MoE, _): nil
    }
  }

  /// The modules whose whole name a pattern matches (peft/tuners/tuners_utils.py, `check_target_module_exists`).
  static func matching(
    _ pattern: String, in spec: ModelSpec, field: String, file: String
  ) throws(ConfigurationError) -> LoRA.Targets {
    let unsupported: (String) -> ConfigurationError = {
      .unsupported(field: field, value: String(pattern.prefix(80)), reason: $0, file: file)
    }
    let expression: Regex<AnyRegexOutput>
    do { expression = try Regex(pattern) } catch { throw unsupported("it is no regular expression that can be read") }
    var matched: [String: Int] = [:]
    var order: [String] = []
    for layer in 0..<spec.layerCount {
      for module in spec.linearModules(layer) {
        guard (try? expression.wholeMatch(in: module.name)) != nil else { continue }
        if matched[module.shortName] == nil { order.append(module.shortName) }
        matched[module.shortName, default: 0] += 1
      }
    }
    guard !order.isEmpty else { throw unsupported("no linear layer of \(spec.name) has such a name") }
    let all = Dictionary(
      (0..<spec.layerCount).flatMap { spec.linearModules($0).map { ($0.shortName, 1) } }, uniquingKeysWith: +)
    guard order.allSatisfy({ matched[$0] == all[$0] }) else {
      throw unsupported("it matches some layers and not others, which has no rule: name modules of every layer")
    }
    return order.count == all.count ? .allLinear : .modules(order)
  }
}
