extension Stack {
  /// How the stack's own programs set FSDP up.
  ///
  /// Sources: accelerate commands/launch.py (`--fsdp_use_orig_params`, true); litgpt/finetune/lora.py and full.py,
  /// `setup` (`FSDPStrategy(auto_wrap_policy={Block}, activation_checkpointing_policy={Block})`); lightning
  /// fabric/strategies/fsdp.py (`use_orig_params`, `_FSDPBackwardSyncControl`); torchtune of 2024,
  /// recipes/lora_finetune_distributed.py, `_setup_model`; fsdp_qlora train.py, `fsdp_main`.
  public var shardingSettings: ShardingSettings {
    var settings = ShardingSettings()
    switch self {
    case .litgpt, .litgpt2023:
      settings.adapterUnits = .withLayer
      // Gradients are reduced with the last micro-batch of a step only (`fabric.no_backward_sync`).
      settings.keepsGradientsUnsharded = true
      // fabric/plugins/precision/fsdp.py, `mixed_precision_config`: weights stay fp32 under `bf16-mixed`.
      settings.castsGatheredWeights = false
    case .torchtune, .torchtune2024: settings.usesOriginalParameters = false
    case .fsdpQLoRA:
      settings.usesOriginalParameters = false
      // `--precision bf16` passes no `MixedPrecision`.
      settings.castsGatheredWeights = false
    case .plimsoll, .trl, .trlFullLogits, .trl0, .transformers, .transformersUnprepared, .transformers4, .peftLoop,
      .liger, .unsloth, .fmsAcceleration, .axolotl, .llamaFactory, .msSwift, .megatron:
      break
    }
    return settings
  }
}
