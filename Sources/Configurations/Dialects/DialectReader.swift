import Modeling

/// One program's configuration, read field by field.
protocol DialectReader {
  /// Fields that matter to memory and have no rule; they are named as such.
  static var notModeled: Set<String> { get }

  static func read(_ fields: ConfigurationFields, into draft: inout ConfigurationDraft) throws(ConfigurationError)
}

extension TrainingConfiguration.Dialect {
  var reader: any DialectReader.Type {
    switch self {
    case .axolotl: AxolotlReader.self
    case .llamaFactory: LlamaFactoryReader.self
    case .trl: TRLReader.self
    case .transformers: TransformersReader.self
    case .torchtune: TorchtuneReader.self
    case .unsloth: UnslothReader.self
    case .peft: PEFTReader.self
    case .accelerate: AccelerateReader.self
    case .fsdp: FSDPReader.self
    case .deepspeed: DeepSpeedReader.self
    }
  }

  /// The program whose fields these are; `nil` where none is known to have them.
  static func detected(in values: [String: JSONValue]) -> Self? {
    func has(_ keys: String...) -> Bool { keys.contains { values[$0] != nil } }
    func hasAll(_ keys: String...) -> Bool { keys.allSatisfy { values[$0] != nil } }
    if values.values.contains(where: { $0["_component_"] != nil }) { return .torchtune }
    if has("peft_type") { return .peft }
    if has("zero_optimization", "train_micro_batch_size_per_gpu", "zero_allow_untested_optimizer") { return .deepspeed }
    if has("compute_environment", "distributed_type", "num_processes"), !has("base_model", "model_name_or_path") {
      return .accelerate
    }
    if has("base_model"), !has("get_peft_model", "from_pretrained") { return .axolotl }
    if has(
      "finetuning_type", "cutoff_len", "quantization_bit", "lora_target", "lora_rank", "template", "stage", "pure_bf16",
      "disable_gradient_checkpointing", "flash_attn", "enable_liger_kernel", "use_galore")
    {
      return .llamaFactory
    }
    if has("from_pretrained", "get_peft_model", "full_finetuning") || hasAll("model_name", "max_seq_length")
      || hasAll("model_name", "load_in_4bit") || hasAll("r", "lora_alpha")
    {
      return .unsloth
    }
    if has("micro_batch_size", "sequence_len", "adapter"), !has("model_name_or_path") { return .axolotl }
    if has(
      "use_peft", "lora_r", "max_length", "packing", "dataset_name", "dataset_text_field", "model_init_kwargs",
      "load_in_4bit", "load_in_8bit", "assistant_only_loss", "completion_only_loss", "lora_target_modules",
      "activation_offloading", "loss_type", "dataset_num_proc", "padding_free")
    {
      return .trl
    }
    if has(
      "per_device_train_batch_size", "optim", "gradient_checkpointing", "bf16", "fp16", "num_train_epochs",
      "output_dir",
      "activation_checkpointing", "gradient_accumulation_steps", "learning_rate", "model_name_or_path")
    {
      return .transformers
    }
    if values.keys.contains(where: { $0.hasPrefix("fsdp_") })
      || has("transformer_layer_cls_to_wrap", "backward_prefetch")
    {
      return .fsdp
    }
    return nil
  }
}
