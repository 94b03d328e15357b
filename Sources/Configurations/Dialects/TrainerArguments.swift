import Bookkeeping
import Modeling

/// Fields that everything on Transformers' `Trainer` shares (transformers/training_args.py of 5.23).
struct TrainerArguments {
  let fields: ConfigurationFields
  /// Whose name stands beside defaults.
  let title: String

  /// Batch, accumulation, optimizer and rates.
  ///
  /// transformers/training_args.py: batch 8, accumulation 1, `adamw_torch_fused` from torch 2.8 on.
  func readStep(
    _ draft: inout ConfigurationDraft, batch: Int = 8, accumulation: Int = 1, optimizer: String = "adamw_torch_fused",
    learningRate: Double, weightDecay: Double = 0
  ) throws(ConfigurationError) {
    draft.request.microBatch = try fields.count("per_device_train_batch_size")
    draft.fill(\.microBatch, batch, "per_device_train_batch_size: \(batch), \(title)'s default")
    draft.request.accumulation = try fields.count("gradient_accumulation_steps")
    draft.fill(\.accumulation, accumulation, "gradient_accumulation_steps: \(accumulation), \(title)'s default")
    draft.request.learningRate = try fields.number("learning_rate")
    draft.fill(\.learningRate, learningRate, "learning_rate: \(learningRate), \(title)'s default")
    draft.request.weightDecay = try fields.number("weight_decay")
    draft.fill(\.weightDecay, weightDecay, "weight_decay: \(YAMLText.spelling(weightDecay)), \(title)'s default")
    try readOptimizer("optim", &draft, default: optimizer)
    try readProcess(&draft)
  }

  func readOptimizer(
    _ field: String, _ draft: inout ConfigurationDraft, default fallback: String
  ) throws(ConfigurationError) {
    if let name = try fields.text(field) {
      guard let named = Optimizer.named(name) else {
        throw fields.unsupported(field, "no optimizer of this name is modeled: plimsoll help fit lists those that are")
      }
      draft.request.optimizer = named.kind
      draft.request.optimizerImplementation = named.implementation
    } else if draft.request.optimizer == nil, let named = Optimizer.named(fallback) {
      draft.fill(\.optimizer, named.kind, "\(field): \(fallback), \(title)'s default")
      draft.request.optimizerImplementation = named.implementation
    }
    try readOptimizerArguments(&draft)
  }

  /// `optim_args: rank=64,update_proj_gap=200` (transformers/trainer_optimizer.py, `_parse_optim_args`).
  private func readOptimizerArguments(_ draft: inout ConfigurationDraft) throws(ConfigurationError) {
    guard fields.has("optim_args") else { return }
    var rank: Int?
    if case .object = fields.value("optim_args") {
      rank = try fields.object("optim_args")?.integer("rank", in: 1...65536)
    } else {
      for pair in try fields.text("optim_args")?.split(separator: ",") ?? [] {
        let parts = pair.split(separator: "=").map { $0.filter { !$0.isWhitespace } }
        guard parts.count == 2 else { throw fields.wrongType("optim_args", "pairs such as rank=64,scale=2.0") }
        guard parts[0] == "rank" else { continue }
        guard let value = Int(parts[1]), value > 0 else { throw fields.outOfRange("optim_args", "a rank from 1 up") }
        rank = value
      }
    }
    draft.request.optimizerRank = rank ?? draft.request.optimizerRank
  }

  func readProcess(_ draft: inout ConfigurationDraft) throws(ConfigurationError) {
    if let steps = try fields.integer("torch_empty_cache_steps", in: 1...1 << 30) {
      do { draft.request.runtime = try RuntimeSettings(emptyCacheSteps: steps) } catch {
        throw .recipe(error, file: fields.file)
      }
    }
    if let size = try fields.integer("ddp_bucket_cap_mb", in: 1...1 << 20) {
      draft.settings { $0.bucketBytes = size * Bytes.mebi }
    }
    if try fields.flag("auto_find_batch_size") == true {
      draft.note("auto_find_batch_size halves the batch until it fits: what is planned is the first that it tries")
    }
  }

  /// `gradient_checkpointing` under its two names, with its arguments (training_args.py: the new name wins;
  /// modeling_utils.py, `_activation_checkpointing_enable`: not re-entrant unless told so).
  ///
  /// - Parameter fallback: whether it is on where nobody says.
  func readCheckpointing(_ draft: inout ConfigurationDraft, default fallback: Bool) throws(ConfigurationError) {
    let old = try fields.flag("gradient_checkpointing")
    draft.request.usesGradientCheckpointing = try fields.flag("activation_checkpointing") ?? old
    draft.fill(
      \.usesGradientCheckpointing, fallback, "gradient_checkpointing: \(fallback ? "on" : "off"), \(title)'s default")
    for name in ["activation_checkpointing_kwargs", "gradient_checkpointing_kwargs"] {
      if let reenters = try fields.object(name)?.flag("use_reentrant") { draft.choices?.reentersCheckpoints = reenters }
    }
  }

  /// bf16 and fp16: the format that autocast runs in; `nil` where neither is on.
  func mixedPrecision(default fallback: ScalarFormat?) throws(ConfigurationError) -> ScalarFormat? {
    let bf16 = try fields.flag("bf16")
    let fp16 = try fields.flag("fp16")
    guard bf16 != true || fp16 != true else {
      throw fields.conflict("fp16", "bf16 is on too, and the Trainer takes one of them")
    }
    if bf16 == true { return .bf16 }
    if fp16 == true { return .fp16 }
    return bf16 == nil ? fallback : nil
  }

  /// `use_liger_kernel` with its configuration.
  ///
  /// transformers/integrations/liger.py hands the keys to Liger's own function, whose defaults are rope, rms_norm, swiglu
  /// and fused_linear_cross_entropy (liger_kernel/transformers/monkey_patch.py).
  ///
  /// - Parameter fusesHead: whether Liger's head is put in; TRL keeps its own (trl/trainer/sft_trainer.py).
  func readLiger(_ draft: inout ConfigurationDraft, fusesHead: Bool) throws(ConfigurationError) {
    let isOn = try fields.flag("use_liger_kernel") ?? false
    guard isOn else { return }
    let kernels = try fields.object("liger_kernel_config")
    let rope = try kernels?.flag("rope") ?? true
    let norm = try kernels?.flag("rms_norm") ?? true
    let swiglu = try kernels?.flag("swiglu")
    let geglu = try kernels?.flag("geglu")
    let crossEntropy = try kernels?.flag("cross_entropy") ?? false
    let head = try kernels?.flag("fused_linear_cross_entropy") ?? !crossEntropy
    draft.choices?.norm = norm ? .liger : .composed
    draft.choices?.rotary = rope ? .liger : .composed
    draft.choices?.gate = swiglu ?? geglu ?? true ? .liger : .composed
    guard fusesHead else { return }
    draft.choices?.crossEntropy = crossEntropy ? .inPlace : .composed
    draft.choices?.fusedHead = .liger
    draft.request.loss = head ? .fused : .full
  }

  /// How attention is computed, by Transformers' names; `nil` where the model decides.
  static func attention(
    _ field: String, of fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) -> AttentionImplementation? {
    guard let name = try fields.text(field) else { return nil }
    switch name {
    case "eager": return .eager
    case "sdpa": return .sdpa
    case "flash_attention_2", "flash_attention_3", "flash_attention_4", "flash_attention_torch": return .flash
    case "flex_attention", "xformers", "sage", "fp8":
      draft.note("\(field) is \(name), which has no rule of its own: planned as flash, which keeps as few tensors")
      return .flash
    default:
      if name.contains("flash-attn") { return .flash }
      throw fields.unsupported(field, "it must be eager, sdpa or flash_attention_2")
    }
  }

  /// `bfloat16`, `float16`, `float32` and their short names; `nil` for `auto`, the checkpoint's own.
  static func format(_ field: String, of fields: ConfigurationFields) throws(ConfigurationError) -> ScalarFormat? {
    guard let name = try fields.text(field) else { return nil }
    switch name.split(separator: ".").last.map(String.init) ?? name {
    case "bfloat16", "bf16": return .bf16
    case "float16", "fp16", "half": return .fp16
    case "float32", "fp32", "float": return .fp32
    case "auto": return nil
    default: throw fields.unsupported(field, "it must be bfloat16, float16, float32 or auto")
    }
  }

  /// Fields of the `Trainer` that matter to memory and have no rule.
  static let notModeled: Set<String> = [
    "torch_compile", "neftune_noise_alpha", "activation_offloading", "parallelism_config", "use_cache", "fp8",
    "enable_jit_checkpoint", "liger_kernel_config", "average_tokens_across_devices", "padding_free", "packing",
    "packing_strategy", "pad_to_multiple_of", "model_init_kwargs",
  ]
}
