import Bookkeeping
import Modeling

/// The YAML of `accelerate config`, or the flags of `accelerate launch` (accelerate/commands/launch.py and
/// commands/config/config_args.py of 1.15).
struct AccelerateReader: DialectReader {
  static let notModeled: Set<String> = [
    "dynamo_config", "dynamo_backend", "fp8_config", "megatron_lm_config", "parallelism_config", "mpirun_config",
    "ipex_config", "enable_cpu_affinity", "deepspeed_moe_layer_cls_names",
  ]

  static func read(_ fields: ConfigurationFields, into draft: inout ConfigurationDraft) throws(ConfigurationError) {
    if let devices = try fields.integer("num_processes", in: 1...65536) { draft.request.devices = devices }
    fields.settle(
      "compute_environment", "machine_rank", "main_process_ip", "main_process_port", "main_training_function",
      "num_machines", "rdzv_backend", "same_network", "tpu_env", "tpu_use_cluster", "tpu_use_sudo", "downcast_bf16",
      "use_cpu", "gpu_ids", "num_cpu_threads_per_process")
    if draft.trainerFile == nil {
      switch try fields.text("mixed_precision") {
      case "bf16", "fp16": draft.request.precision = .autocast
      case "no": draft.request.precision = .pure
      case nil: break
      default: throw fields.unsupported("mixed_precision", "only no, bf16 and fp16 have a rule")
      }
    } else {
      // TrainingArguments set ACCELERATE_MIXED_PRECISION themselves (transformers/training_args.py, `__post_init__`).
      fields.settle("mixed_precision")
    }
    let type = try fields.text("distributed_type")?.uppercased()
    let inner = try fields.object("deepspeed_config")
    let fsdp = try fields.object("fsdp_config")
    switch type {
    case nil, "NO", "MULTI_GPU":
      if let inner, type == nil { try readDeepSpeed(inner, &draft) }
      if let fsdp, type == nil { try FSDPReader.read(fsdp, into: &draft) }
      if type == "MULTI_GPU", draft.request.devices ?? 2 > 1 { draft.request.sharding = .ddp }
    case "DEEPSPEED": try readDeepSpeed(inner ?? ConfigurationFields([:], file: fields.file), &draft)
    case "FSDP": try FSDPReader.read(fsdp ?? ConfigurationFields([:], file: fields.file), into: &draft)
    default: throw fields.unsupported("distributed_type", "only NO, MULTI_GPU, FSDP and DEEPSPEED have a rule")
    }
  }

  /// commands/launch.py: stage 2 and nothing offloaded unless said.
  private static func readDeepSpeed(
    _ fields: ConfigurationFields, _ draft: inout ConfigurationDraft
  ) throws(ConfigurationError) {
    fields.settle(
      "zero3_init_flag", "zero3_save_16bit_model", "deepspeed_multinode_launcher", "gradient_clipping",
      "deepspeed_hostfile", "deepspeed_inclusion_filter", "deepspeed_exclusion_filter")
    if fields.has("deepspeed_config_file") {
      return try DeepSpeedReader.readReference("deepspeed_config_file", of: fields, into: &draft)
    }
    guard draft.request.sharding?.isDeepSpeed != true else { return }
    let stage = try fields.integer("zero_stage", in: 0...3)
    if stage == nil { draft.configuration.defaults.append("zero_stage: 2, Accelerate's default") }
    draft.request.sharding = DeepSpeedReader.sharding(ofStage: stage ?? 2)
    let optimizer = try fields.text("offload_optimizer_device") ?? "none"
    let parameters = try fields.text("offload_param_device") ?? "none"
    DeepSpeedReader.offload(optimizer: optimizer != "none", parameters: parameters != "none", stage: stage ?? 2, &draft)
    if draft.trainerFile == nil {
      draft.request.accumulation = try fields.count("gradient_accumulation_steps")
    } else {
      fields.settle("gradient_accumulation_steps")
    }
  }
}
