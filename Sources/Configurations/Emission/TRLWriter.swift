import Bookkeeping
import Modeling

/// The YAML of `trl sft --config`.
struct TRLWriter: DialectWriter {
  static func members(
    _ recipe: Recipe, of spec: ModelSpec, model: String
  ) throws(EmissionError) -> [(String, JSONValue)] {
    let writing = TrainerWriting(recipe: recipe, spec: spec, dialect: .trl)
    let formats: [ScalarFormat: String] = [.bf16: "bfloat16", .fp16: "float16", .fp32: "float32"]
    var members: [(String, JSONValue)] = [
      ("model_name_or_path", .string(model)), ("dtype", .string(formats[recipe.weightFormat] ?? "auto")),
      ("attn_implementation", .string(writing.attentionName)),
    ]
    members += try method(writing)
    members += [
      ("max_length", .integer(recipe.batch.sequence)),
      ("per_device_train_batch_size", .integer(recipe.batch.microBatch)),
      ("gradient_accumulation_steps", .integer(recipe.batch.accumulation)),
    ]
    members += try writing.optimizer("optim")
    members += writing.rates
    switch (recipe.precision, recipe.weightFormat) {
    case (.autocast, .fp16): members += [("bf16", false), ("fp16", true)]
    case (.autocast, _): members.append(("bf16", true))
    case (.pure, _): members.append(("bf16", false))
    }
    members += writing.checkpointing(false)
    members += liger(recipe.choices)
    if recipe.stack == .trlFullLogits { members.append(("label_smoothing_factor", 0.1)) }
    return members + writing.process + writing.trainerSharding
  }

  /// Its own head stays in place.
  private static func liger(_ choices: StackChoices) -> [(String, JSONValue)] {
    let kernels = [
      ("rms_norm", choices.norm == .liger), ("rope", choices.rotary == .liger), ("swiglu", choices.gate == .liger),
    ]
    guard kernels.contains(where: \.1) else { return [] }
    var configuration: [String: JSONValue] = [:]
    for (name, isOn) in kernels where !isOn { configuration[name] = false }
    return [("use_liger_kernel", true)]
      + (configuration.isEmpty ? [] : [("liger_kernel_config", .object(configuration))])
  }

  private static func method(_ writing: TrainerWriting) throws(EmissionError) -> [(String, JSONValue)] {
    let recipe = writing.recipe
    guard recipe.method != .full else { return [] }
    guard let lora = recipe.method.adapter else {
      throw writing.cannotSay(
        "--method", recipe.method.name.rawValue, "TRL's own arguments have full fine-tuning and lora")
    }
    var members: [(String, JSONValue)] = [
      ("use_peft", true), ("lora_r", .integer(lora.rank)), ("lora_alpha", TrainerWriting.number(lora.alpha)),
      ("lora_dropout", .number(lora.dropout)),
      ("lora_target_modules", lora.targets == .allLinear ? "all-linear" : writing.names(lora.targets)),
    ]
    if lora.decomposesWeights { members.append(("use_dora", true)) }
    if lora.stabilizesRank { members.append(("use_rslora", true)) }
    if !lora.modulesToSave.isEmpty {
      members.append(("lora_modules_to_save", .array(lora.modulesToSave.map { .string($0) })))
    }
    switch recipe.method.quantization {
    case nil: return members
    case .int8: return members + [("load_in_8bit", true)]
    case .nf4(let double): return members + [("load_in_4bit", true), ("use_bnb_nested_quant", .bool(double))]
    case .fp4(let double):
      return members + [
        ("load_in_4bit", true), ("bnb_4bit_quant_type", "fp4"), ("use_bnb_nested_quant", .bool(double)),
      ]
    case .some(let other): throw writing.cannotSay("--quant", other.text, "TRL quantizes to nf4, fp4 and int8")
    }
  }
}
