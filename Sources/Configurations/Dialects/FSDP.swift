import Bookkeeping
import Modeling

/// FSDP's settings, with `fsdp_` before their names or without (accelerate/utils/dataclasses.py,
/// `FullyShardedDataParallelPlugin`; commands/launch.py; transformers/training_args.py, `_process_fsdp_args`).
struct FSDPReader: DialectReader {
  static let notModeled: Set<String> = [
    "ignored_modules", "activation_checkpointing_offload", "mixed_precision_policy",
  ]

  static func read(_ fields: ConfigurationFields, into draft: inout ConfigurationDraft) throws(ConfigurationError) {
    try read(fields, words: [], version: nil, into: &draft)
  }

  /// - Parameters:
  ///   - words: the older spelling: `full_shard auto_wrap offload`.
  ///   - version: what the file says elsewhere.
  ///   - fallback: the version where nobody says: Accelerate's 1, the Trainer's 2.
  static func read(
    _ fields: ConfigurationFields, words: [String], version: Int?, default fallback: Int = 1,
    into draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    func name(_ field: String) -> String { fields.has("fsdp_" + field) ? "fsdp_" + field : field }
    let written = try fields.integer(name("version"), in: 1...2)
    let kind = version ?? written ?? fallback
    if version == nil, written == nil {
      draft.configuration.defaults.append("fsdp_version: \(fallback), the software's default")
    }
    draft.request.sharding = kind == 2 ? .fsdp2 : .fsdp
    try readStrategy(fields, words, name, &draft)
    let offloads = try fields.flag(name("offload_params"))
    let offloadsToCPU = try fields.flag(name("cpu_offload"))
    if offloads ?? offloadsToCPU ?? words.contains("offload") { draft.settings { $0.offload = .all } }
    if kind == 1 {
      // Accelerate hands torch what is named, and nothing else: then no layer is gathered ahead.
      let prefetch = try fields.text(name("backward_prefetch"))?.uppercased() ?? "NO_PREFETCH"
      draft.settings { $0.prefetchesBackward = prefetch == "BACKWARD_PRE" }
      if let usesOriginal = try fields.flag(name("use_orig_params")) {
        draft.settings { $0.usesOriginalParameters = usesOriginal }
      }
    } else {
      fields.settle("fsdp_backward_prefetch", "backward_prefetch", "fsdp_use_orig_params", "use_orig_params")
    }
    if try fields.flag(name("activation_checkpointing")) == true { draft.request.usesGradientCheckpointing = true }
    if let policy = try fields.text(name("auto_wrap_policy")), !policy.uppercased().hasPrefix("TRANSFORMER") {
      draft.note("\(policy) has no rule: planned with a unit for every layer, as TRANSFORMER_BASED_WRAP makes them")
    }
    for field in [
      "transformer_layer_cls_to_wrap", "state_dict_type", "final_state_dict_type", "sync_module_states",
      "cpu_ram_efficient_loading", "forward_prefetch", "min_num_params", "limit_all_gathers", "xla",
      "cpu_offload_pin_memory",
    ] {
      fields.settle(field, "fsdp_" + field)
    }
  }

  private static func readStrategy(
    _ fields: ConfigurationFields, _ words: [String], _ name: (String) -> String, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    let known = [
      "1": "FULL_SHARD", "2": "SHARD_GRAD_OP", "3": "NO_SHARD", "4": "HYBRID_SHARD", "5": "HYBRID_SHARD_ZERO2",
    ]
    for field in [name("sharding_strategy"), name("reshard_after_forward")] {
      guard let value = fields.value(field) else { continue }
      let text = (value.stringValue ?? value.summary).uppercased()
      switch known[text] ?? text {
      case "FULL_SHARD", "TRUE": continue
      case "NO_SHARD" where draft.request.sharding == .fsdp: draft.settings { $0.keepsParametersWhole = true }
      default: throw fields.unsupported(field, "only FULL_SHARD and, of the first version, NO_SHARD have a rule")
      }
    }
    for word in words.map({ $0.lowercased() }) {
      switch word {
      case "full_shard", "auto_wrap", "offload", "true": continue
      case "no_shard" where draft.request.sharding == .fsdp: draft.settings { $0.keepsParametersWhole = true }
      default:
        throw .unsupported(
          field: "fsdp", value: word, reason: "only full_shard and, of the first version, no_shard have a rule",
          file: fields.file
        )
      }
    }
  }
}

extension TrainerArguments {
  /// `deepspeed`, `fsdp` and `fsdp_config` of the Trainer; its FSDP is the second version unless it says otherwise.
  func readSharding(_ draft: inout ConfigurationDraft) throws(ConfigurationError) {
    try DeepSpeedReader.readReference("deepspeed", of: fields, into: &draft)
    var words: [String] = []
    var isOn = false
    if case .bool(let flag)? = fields.value("fsdp") {
      isOn = flag
    } else if let names = try fields.names("fsdp") {
      (words, isOn) = (names, !names.isEmpty && names != ["false"])
    }
    guard isOn else { return fields.settle("fsdp_config") }
    var inner = ConfigurationFields([:], file: fields.file)
    if let path = fields.value("fsdp_config")?.stringValue, path.first != "{" {
      if let found = try ConfigurationFile.referenced(path, beside: fields.file) {
        inner = ConfigurationFields(found.values, file: found.file)
      } else {
        draft.note("fsdp_config names \(path), which is not there: FSDP's defaults are planned")
      }
    } else if let object = try fields.object("fsdp_config") {
      inner = object
    }
    try FSDPReader.read(inner, words: words, version: nil, default: 2, into: &draft)
    if inner.file != fields.file { draft.close(inner, notModeled: FSDPReader.notModeled) }
  }
}
