import Bookkeeping
import Modeling

/// LLaMA-Factory's YAML.
struct LlamaFactoryWriter: DialectWriter {
  static func members(
    _ recipe: Recipe, of spec: ModelSpec, model: String
  ) throws(EmissionError) -> [(String, JSONValue)] {
    let writing = TrainerWriting(recipe: recipe, spec: spec, dialect: .llamaFactory)
    var members: [(String, JSONValue)] = [
      ("model_name_or_path", .string(model)), ("stage", "sft"), ("do_train", true),
    ]
    members += try method(writing)
    members += [
      ("cutoff_len", .integer(recipe.batch.sequence)),
      ("per_device_train_batch_size", .integer(recipe.batch.microBatch)),
      ("gradient_accumulation_steps", .integer(recipe.batch.accumulation)),
    ]
    members += try optimizer(writing)
    members += writing.rates + formats(recipe)
    if !recipe.usesGradientCheckpointing {
      members.append(("disable_gradient_checkpointing", true))
    } else if recipe.choices.checkpoints == .host {
      members.append(("use_unsloth_gc", true))
    } else if !recipe.choices.reentersCheckpoints {
      members.append(("use_reentrant_gc", false))
    }
    let flash =
      switch recipe.attention {
      case .eager: "disabled";
      case .sdpa: "sdpa";
      case .flash: "fa2"
      }
    members.append(("flash_attn", .string(flash)))
    if recipe.choices.norm == .liger { members.append(("enable_liger_kernel", true)) }
    return members + writing.process + writing.trainerSharding
  }

  private static func method(_ writing: TrainerWriting) throws(EmissionError) -> [(String, JSONValue)] {
    let recipe = writing.recipe
    switch recipe.method {
    case .full: return [("finetuning_type", "full")]
    case .partial(.layers(let freeze)):
      var members: [(String, JSONValue)] = [
        ("finetuning_type", "freeze"), ("freeze_trainable_layers", .integer(freeze.layers)),
      ]
      if !freeze.modules.isEmpty {
        members.append(("freeze_trainable_modules", .string(freeze.modules.joined(separator: ","))))
      }
      if !freeze.extraModules.isEmpty {
        members.append(("freeze_extra_modules", .string(freeze.extraModules.joined(separator: ","))))
      }
      return members
    case .lora(let lora), .qlora(let lora, _):
      var members: [(String, JSONValue)] = [
        ("finetuning_type", "lora"), ("lora_rank", .integer(lora.rank)),
        ("lora_alpha", TrainerWriting.number(lora.alpha)), ("lora_dropout", .number(lora.dropout)),
        ("lora_target", targets(lora.targets, writing)),
      ]
      if lora.decomposesWeights { members.append(("use_dora", true)) }
      if lora.stabilizesRank { members.append(("use_rslora", true)) }
      if !lora.modulesToSave.isEmpty {
        members.append(("additional_target", .string(lora.modulesToSave.joined(separator: ","))))
      }
      return try members + quantization(writing)
    case .wrapped(.oft(let oft), _):
      return try [
        ("finetuning_type", "oft"), ("oft_block_size", .integer(oft.blockSize)),
        ("oft_target", targets(oft.targets, writing)),
      ] + quantization(writing)
    case .partial, .wrapped, .prompted:
      throw writing.cannotSay(
        "--method", recipe.method.name.rawValue, "LLaMA-Factory has full, freeze, lora and oft")
    }
  }

  private static func targets(_ targets: LoRA.Targets, _ writing: TrainerWriting) -> JSONValue {
    guard targets != .allLinear, let names = writing.names(targets).arrayValue else { return "all" }
    return .string(names.compactMap(\.stringValue).joined(separator: ","))
  }

  private static func quantization(_ writing: TrainerWriting) throws(EmissionError) -> [(String, JSONValue)] {
    switch writing.recipe.method.quantization {
    case nil: return []
    case .int8: return [("quantization_bit", 8)]
    case .nf4(let double): return [("quantization_bit", 4), ("double_quantization", .bool(double))]
    case .fp4(let double):
      return [("quantization_bit", 4), ("quantization_type", "fp4"), ("double_quantization", .bool(double))]
    case .hqq(let groups) where groups.groupSize == 64:
      return [("quantization_bit", .integer(groups.bits)), ("quantization_method", "hqq")]
    case .some(let other):
      throw writing.cannotSay("--quant", other.text, "LLaMA-Factory quantizes with bitsandbytes and HQQ")
    }
  }

  /// GaLore, APOLLO, Muon and Adam-mini are switches of their own there.
  private static func optimizer(_ writing: TrainerWriting) throws(EmissionError) -> [(String, JSONValue)] {
    let optimizer = writing.recipe.optimizer
    switch optimizer.kind.family {
    case .galore(let update, let isLayerwise):
      let name =
        switch update {
        case .adamw: "adamw_torch"
        case .adamw8bit: "adamw_bnb_8bit"
        case .adafactor: "adafactor"
        }
      return [
        ("optim", .string(name)), ("use_galore", true), ("galore_layerwise", .bool(isLayerwise)),
        ("galore_rank", .integer(optimizer.rank)),
      ]
    case .apollo(let isLayerwise):
      return [
        ("optim", "adamw_torch"), ("use_apollo", true), ("apollo_layerwise", .bool(isLayerwise)),
        ("apollo_rank", .integer(optimizer.rank)),
      ]
    case .muon: return [("use_muon", true)]
    case .adamMini: return [("use_adam_mini", true)]
    default: return try writing.optimizer("optim")
    }
  }

  private static func formats(_ recipe: Recipe) -> [(String, JSONValue)] {
    if recipe.precision == .pure { return recipe.weightFormat == .bf16 ? [("pure_bf16", true)] : [] }
    return recipe.weightFormat == .fp16 ? [("fp16", true)] : [("bf16", true)]
  }
}
