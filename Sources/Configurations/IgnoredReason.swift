import Modeling

/// Why a field decides nothing about memory, or about the plan of it.
public enum IgnoredReason: String, CaseIterable, Hashable, Sendable {
  /// It matters, and there is no rule for it.
  case notModeled
  case unknown
  /// Off, empty or zero, as if it were left out.
  case off
  /// Other fields, or what is planned anyway, leave it nothing to decide.
  case implied
  case data, schedule, logging, saving, evaluation, randomness, speed, model

  var sentence: String {
    switch self {
    case .notModeled: "though it matters to memory and has no rule yet"
    case .unknown: "not known to this reader"
    case .off: "since it is off"
    case .implied: "since nothing is left for it to decide"
    case .data: "about data and tokens"
    case .schedule: "about how long and how fast it learns"
    case .logging: "about logging"
    case .saving: "about saving and publishing"
    case .evaluation: "about evaluation, which is not planned"
    case .randomness: "about randomness"
    case .speed: "about speed"
    case .model: "about how the model is found and named"
    }
  }
}

/// Fields by the part of training that they are about, the same in every dialect.
enum FieldGroups {
  /// The group of a field that no rule reads; `nil` for one that is not known.
  static func reason(_ field: String) -> IgnoredReason? {
    if let reason = exact[field] { return reason }
    return prefixes.first { field.hasPrefix($0.prefix) }?.reason
  }

  private static let exact: [String: IgnoredReason] = {
    var table: [String: IgnoredReason] = [:]
    for (reason, names) in names {
      for name in names.split(whereSeparator: \.isWhitespace) { table[String(name)] = reason }
    }
    return table
  }()

  private static let names: [(IgnoredReason, String)] = [
    (
      .data,
      """
      datasets dataset dataset_dir dataset_name dataset_config dataset_prepared_path dataset_text_field dataset_kwargs
      dataset_num_proc dataset_train_split dataset_test_split template chat_template chat_template_path tokenizer
      tokenizer_type tokenizer_config special_tokens tokens added_tokens_overrides shuffle shuffle_merged_datasets
      max_samples overwrite_cache preprocessing_num_workers train_on_inputs train_on_prompt mask_history streaming
      completion_only_loss assistant_only_loss group_by_length length_column_name packed collate_fn column_mapping
      pad_to_sequence_len pad_token eos_token truncation_mode remove_unused_columns label_names test_datasets
      pretraining_dataset shuffle_dataset excess_length_strategy mix_strategy interleave_probs default_system tool_format
      use_fast_tokenizer split_special_tokens sample_packing_bin_size sample_packing_group_size random_state_data
      data_seed roles_to_train train_on_eos field_messages message_field_role message_field_content ignore_pad_token_for_loss
      """
    ),
    (
      .schedule,
      """
      num_epochs num_train_epochs epochs max_steps max_steps_per_epoch lr_scheduler lr_scheduler_type lr_scheduler_kwargs
      warmup_steps warmup_ratio cosine_min_lr_ratio max_grad_norm clip_grad_norm gradient_clipping adam_beta1 adam_beta2
      adam_epsilon adam_beta3 adam_epsilon2 loraplus_lr_ratio loraplus_lr_embedding scheduler early_stopping_patience
      neftune_noise_alpha init_lora_weights pissa_init pissa_iter embedding_lr embedding_lr_scale label_smoothing
      train_batch_size optim_target_modules cosine_constant_lr_ratio num_epochs_override
      """
    ),
    (
      .logging,
      """
      logging_steps logging_dir logging_first_step logging_strategy report_to run_name wandb_project wandb_entity
      wandb_watch wandb_name wandb_log_model metric_logger log_every_n_steps log_peak_memory_stats log_level plot_loss
      disable_tqdm steps_per_print wall_clock_breakdown profiler project include_tokens_per_second log_completions
      debug strict include_num_input_tokens_seen logging_nan_inf_filter
      """
    ),
    (
      .saving,
      """
      output_dir overwrite_output_dir save_steps save_strategy save_total_limit save_safetensors save_only_model
      saves_per_epoch save_first_step save_adapter_weights_only checkpointer resume_from_checkpoint push_to_hub
      hub_model_id hub_strategy hub_token hub_private_repo load_best_model_at_end metric_for_best_model auto_resume_from_checkpoints
      greater_is_better export_dir export_size enable_async_checkpointing save_model_every_n_steps inference_mode token
      """
    ),
    (
      .evaluation,
      """
      eval_steps eval_strategy evaluation_strategy evals_per_epoch eval_batch_size per_device_eval_batch_size val_size
      val_set_size eval_sample_packing eval_dataset eval_packing do_eval do_predict predict_with_generate bf16_full_eval
      fp16_full_eval eval_accumulation_steps batch_eval_metrics eval_on_start eval_table_size eval_max_new_tokens
      """
    ),
    (.randomness, "seed random_state full_determinism torch_deterministic cudnn_deterministic_mode"),
    (
      .speed,
      """
      dataloader_num_workers dataloader_pin_memory dataloader_prefetch_factor dataloader_persistent_workers
      dataloader_drop_last tf32 ddp_timeout ddp_backend ddp_find_unused_parameters ddp_broadcast_buffers device
      low_cpu_mem_usage low_cpu_ram local_rank use_cpu no_cuda torch_compile_backend torch_compile_mode
      xformers_attention_unused low_cpu_memory device_map gc_steps gc_collect_steps
      """
    ),
    (
      .model,
      """
      model_type trust_remote_code revision model_revision revision_of_model tokenizer_use_fast is_llama_derived_model
      base_model_config hf_use_auth_token cache_dir task_type auto_mapping plugins do_train stage_name
      base_model_ignore_patterns use_auth_token hf_hub_token lora_task_type fan_in_fan_out lora_fan_in_fan_out
      peft_version corda_config eva_config loftq_config megatron_config megatron_core runtime_config model_revision_tag
      strict_model fix_tokenizer use_exact_model_name rope_scaling
      """
    ),
  ]

  private static let prefixes: [(prefix: String, reason: IgnoredReason)] = [
    ("wandb_", .logging), ("mlflow_", .logging), ("comet_", .logging), ("swanlab_", .logging), ("trackio_", .logging),
    ("logging_", .logging), ("eval_", .evaluation), ("hub_", .saving), ("save_", .saving), ("dataloader_", .speed),
    ("dataset_", .data), ("data_", .data), ("lr_", .schedule), ("warmup", .schedule), ("adam_", .schedule),
    ("vllm_", .speed), ("sglang_", .speed), ("infer_", .evaluation), ("export_", .saving), ("push_to_hub", .saving),
    ("ray_", .speed), ("profiler_", .logging), ("monitor_", .logging), ("tensorboard", .logging),
    ("csv_monitor", .logging),
  ]
}
