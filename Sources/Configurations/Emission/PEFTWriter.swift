import Modeling

/// PEFT's `adapter_config.json`: what the adapter is.
///
/// The step is its trainer's business.
struct PEFTWriter: DialectWriter {
  static func members(
    _ recipe: Recipe, of spec: ModelSpec, model: String
  ) throws(EmissionError) -> [(String, JSONValue)] {
    let writing = TrainerWriting(recipe: recipe, spec: spec, dialect: .peft)
    let members: [(String, JSONValue)] = [
      ("base_model_name_or_path", .string(model)), ("task_type", "CAUSAL_LM"), ("inference_mode", false),
    ]
    switch recipe.method {
    case .lora(let lora), .qlora(let lora, _):
      return members + [
        ("peft_type", "LORA"), ("r", .integer(lora.rank)), ("lora_alpha", TrainerWriting.number(lora.alpha)),
        ("lora_dropout", .number(lora.dropout)), ("bias", "none"), ("target_modules", targets(lora.targets, writing)),
        ("use_dora", .bool(lora.decomposesWeights)), ("use_rslora", .bool(lora.stabilizesRank)),
        ("modules_to_save", lora.modulesToSave.isEmpty ? .null : .array(lora.modulesToSave.map { .string($0) })),
      ]
    case .wrapped(let wrapper, _): return members + wrapped(wrapper, writing)
    case .prompted(let tokens, _):
      let type =
        switch tokens.kind {
        case .prompt: "PROMPT_TUNING"
        case .encoded: "P_TUNING"
        case .prefix: "PREFIX_TUNING"
        }
      var width: JSONValue = .null
      if case .encoded(let inner?) = tokens.kind { width = .integer(inner) }
      return members + [
        ("peft_type", .string(type)), ("num_virtual_tokens", .integer(tokens.count)), ("encoder_hidden_size", width),
      ]
    case .full, .partial:
      throw writing.cannotSay("--method", recipe.method.name.rawValue, "there is no adapter to describe")
    }
  }

  private static func targets(_ targets: LoRA.Targets, _ writing: TrainerWriting) -> JSONValue {
    targets == .allLinear ? "all-linear" : writing.names(targets)
  }

  private static func wrapped(_ wrapper: Wrapper, _ writing: TrainerWriting) -> [(String, JSONValue)] {
    switch wrapper {
    case .ia3(let ia3): return [("peft_type", "IA3"), ("target_modules", targets(ia3.targets, writing))]
    case .lnTuning: return [("peft_type", "LN_TUNING")]
    case .vera(let vera): return ranked("VERA", vera.rank, vera.targets, writing)
    case .loha(let loha): return ranked("LOHA", loha.rank, loha.targets, writing)
    case .lokr(let lokr): return ranked("LOKR", lokr.rank, lokr.targets, writing)
    case .oft(let oft):
      return [
        ("peft_type", "OFT"), ("r", 0), ("oft_block_size", .integer(oft.blockSize)),
        ("target_modules", targets(oft.targets, writing)),
      ]
    case .boft(let boft):
      return [
        ("peft_type", "BOFT"), ("boft_block_size", .integer(boft.blockSize)), ("boft_block_num", 0),
        ("target_modules", targets(boft.targets, writing)),
      ]
    case .adalora(let adalora):
      return [
        ("peft_type", "ADALORA"), ("init_r", .integer(adalora.rank)), ("lora_dropout", .number(adalora.dropout)),
        ("target_modules", targets(adalora.targets, writing)),
      ]
    }
  }

  private static func ranked(
    _ type: String, _ rank: Int, _ targets: LoRA.Targets, _ writing: TrainerWriting
  ) -> [(String, JSONValue)] {
    [("peft_type", .string(type)), ("r", .integer(rank)), ("target_modules", self.targets(targets, writing))]
  }
}
