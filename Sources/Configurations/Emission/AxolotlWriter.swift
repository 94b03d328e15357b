import Bookkeeping
import Modeling

/// axolotl's YAML.
struct AxolotlWriter: DialectWriter {
  static func members(
    _ recipe: Recipe, of spec: ModelSpec, model: String
  ) throws(EmissionError) -> [(String, JSONValue)] {
    let writing = TrainerWriting(recipe: recipe, spec: spec, dialect: .axolotl)
    var members: [(String, JSONValue)] = [("base_model", .string(model))]
    members += try method(writing)
    members += [
      ("sequence_len", .integer(recipe.batch.sequence)), ("micro_batch_size", .integer(recipe.batch.microBatch)),
      ("gradient_accumulation_steps", .integer(recipe.batch.accumulation)),
    ]
    members += try writing.optimizer("optimizer")
    members += writing.rates + formats(recipe)
    if recipe.usesGradientCheckpointing, recipe.choices.checkpoints == .host {
      members.append(("gradient_checkpointing", "offload"))
      members += writing.checkpointing(false).dropFirst()
    } else {
      members += writing.checkpointing(false)
    }
    members.append(("attn_implementation", .string(writing.attentionName)))
    members += kernels(recipe) + writing.process
    if let deepSpeed = writing.deepSpeed { members.append(("deepspeed", deepSpeed)) }
    if var fsdp = writing.fsdp(offload: "offload_params") {
      // axolotl/utils/schemas/fsdp.py has no such fields, or takes a truth.
      fsdp["backward_prefetch"] = nil
      fsdp["reshard_after_forward"] = nil
      members.append(("fsdp_version", .integer(recipe.parallelism.sharding == .fsdp2 ? 2 : 1)))
      members.append(("fsdp_config", .object(fsdp)))
    }
    if recipe.parallelism.settings.tensorParallelSize > 1 {
      members.append(("tensor_parallel_size", .integer(recipe.parallelism.settings.tensorParallelSize)))
    }
    return members
  }

  private static func method(_ writing: TrainerWriting) throws(EmissionError) -> [(String, JSONValue)] {
    let recipe = writing.recipe
    guard recipe.method != .full else { return [] }
    guard let lora = recipe.method.adapter else {
      throw writing.cannotSay("--method", recipe.method.name.rawValue, "axolotl trains whole models, lora and qlora")
    }
    var members: [(String, JSONValue)]
    switch recipe.method.quantization {
    case nil: members = [("adapter", "lora")]
    case .int8: members = [("adapter", "lora"), ("load_in_8bit", true)]
    case .nf4(let double): members = [("adapter", "qlora"), ("load_in_4bit", true)] + changes("nf4", double)
    case .fp4(let double): members = [("adapter", "qlora"), ("load_in_4bit", true)] + changes("fp4", double)
    case .some(let other):
      throw writing.cannotSay("--quant", other.text, "axolotl quantizes to nf4, fp4 and int8")
    }
    members += [
      ("lora_r", .integer(lora.rank)), ("lora_alpha", TrainerWriting.number(lora.alpha)),
      ("lora_dropout", .number(lora.dropout)),
    ]
    members.append(
      lora.targets == .allLinear ? ("lora_target_linear", true) : ("lora_target_modules", writing.names(lora.targets)))
    if lora.decomposesWeights { members.append(("peft_use_dora", true)) }
    if lora.stabilizesRank { members.append(("peft_use_rslora", true)) }
    if !lora.modulesToSave.isEmpty {
      members.append(("lora_modules_to_save", .array(lora.modulesToSave.map { .string($0) })))
    }
    let isFused = recipe.choices.adapters == .axolotl
    return members + ["lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel"].map { ($0, .bool(isFused)) }
  }

  private static func changes(_ codes: String, _ isDouble: Bool) -> [(String, JSONValue)] {
    var changes: [String: JSONValue] = [:]
    if !isDouble { changes["bnb_4bit_use_double_quant"] = false }
    if codes != "nf4" { changes["bnb_4bit_quant_type"] = .string(codes) }
    return changes.isEmpty ? [] : [("bnb_config_kwargs", .object(changes))]
  }

  private static func formats(_ recipe: Recipe) -> [(String, JSONValue)] {
    switch (recipe.precision, recipe.weightFormat) {
    case (.autocast, .fp16): [("bf16", false), ("fp16", true)]
    case (.autocast, _): [("bf16", true)]
    case (.pure, .bf16): [("bf16", false), ("bfloat16", true)]
    case (.pure, .fp16): [("bf16", false), ("float16", true)]
    case (.pure, _): [("bf16", false), ("float32", true)]
    }
  }

  private static func kernels(_ recipe: Recipe) -> [(String, JSONValue)] {
    var members: [(String, JSONValue)] = []
    let choices = recipe.choices
    if choices.norm == .liger { members.append(("liger_rms_norm", true)) }
    if choices.rotary == .liger { members.append(("liger_rope", true)) }
    if choices.gate == .liger { members.append(("liger_glu_activation", true)) }
    if recipe.loss == .full, choices.crossEntropy == .inPlace { members.append(("liger_cross_entropy", true)) }
    if recipe.loss == .fused, choices.fusedHead == .liger { members.append(("liger_fused_linear_cross_entropy", true)) }
    let usesLiger = !members.isEmpty
    if recipe.loss == .fused, choices.fusedHead == .trl { members.append(("cut_cross_entropy", true)) }
    if recipe.loss == .chunked { members.append(("chunked_cross_entropy", true)) }
    if usesLiger { members.append(("plugins", ["axolotl.integrations.liger.LigerPlugin"])) }
    return members
  }
}
