import Bookkeeping
import Configurations
import Modeling
import Testing

@Suite struct `Fields that matter to memory` {
  private static let axolotl = "base_model: llama-2-7b\nsequence_len: 512\n"
  private static let adapter = "adapter: lora\nlora_r: 8\nlora_alpha: 16\n"

  @Test(arguments: [
    FieldCase("") { $0.method == .full && !$0.usesGradientCheckpointing && $0.optimizer.implementation == .fused },
    FieldCase(adapter + "lora_target_linear: true") { $0.method.adapter?.targets == .allLinear },
    FieldCase(adapter + "lora_target_modules: [q_proj]") { $0.method.adapter?.targets == .modules(["q_proj"]) },
    FieldCase(adapter + "lora_target_linear: true\npeft_use_dora: yes") { $0.method.name == .dora },
    FieldCase(adapter + "lora_target_linear: true\npeft_use_rslora: true") {
      $0.method.adapter?.stabilizesRank == true
    },
    FieldCase(adapter + "lora_target_linear: true\nlora_modules_to_save: [embed_tokens, lm_head]") {
      $0.method.adapter?.modulesToSave == ["embed_tokens", "lm_head"]
    },
    FieldCase(adapter + "lora_target_linear: true\nload_in_8bit: true") {
      $0.method.quantization == .int8 && $0.choices.adapters == .peft
    },
    FieldCase(adapter + "lora_target_linear: true\nlora_mlp_kernel: false") { $0.choices.adapters == .peft },
    FieldCase(
      "adapter: qlora\nload_in_4bit: true\nlora_r: 8\nlora_alpha: 16\nlora_target_linear: true\nbnb_config_kwargs:\n"
        + "  bnb_4bit_use_double_quant: false\n  bnb_4bit_quant_type: fp4"
    ) { $0.method.quantization == .fp4(double: false) },
    FieldCase("bf16: false\nfp16: true") { $0.weightFormat == .fp16 && $0.precision == .autocast },
    FieldCase("bf16: false\nbfloat16: true") { $0.weightFormat == .bf16 && $0.precision == .pure },
    FieldCase("bf16: false") { $0.weightFormat == .fp32 && $0.precision == .pure },
    FieldCase("gradient_checkpointing: offload") {
      $0.usesGradientCheckpointing && $0.choices.checkpoints == .host
    },
    FieldCase("attn_implementation: eager") { $0.attention == .eager },
    FieldCase("liger_rms_norm: true\nliger_rope: true\nliger_glu_activation: true") {
      $0.choices.norm == .liger && $0.choices.rotary == .liger && $0.choices.gate == .liger && $0.loss == .full
    },
    FieldCase("liger_fused_linear_cross_entropy: true") { $0.loss == .fused && $0.choices.fusedHead == .liger },
    FieldCase("liger_cross_entropy: true") { $0.loss == .full && $0.choices.crossEntropy == .inPlace },
    FieldCase("chunked_cross_entropy: true") { $0.loss == .chunked },
    FieldCase("optimizer: galore_adamw\noptim_args:\n  rank: 64") {
      $0.optimizer.kind == .galoreAdamw && $0.optimizer.rank == 64
    },
    FieldCase("torch_empty_cache_steps: 4") { $0.runtime.emptyCacheSteps == 4 },
    FieldCase("batch_size: 16\nmicro_batch_size: 4") { $0.batch.accumulation == 4 },
    FieldCase("deepspeed: deepspeed_configs/zero1.json") { $0.parallelism.sharding == .zero1 },
    FieldCase("deepspeed: {zero_optimization: {stage: 2, reduce_bucket_size: 1.0e6}}") {
      $0.parallelism.sharding == .zero2 && $0.parallelism.settings.reduceBucketElements == 1_000_000
    },
    FieldCase("fsdp_version: 2\nfsdp_config: {offload_params: true}\ntensor_parallel_size: 1") {
      $0.parallelism.sharding == .fsdp2 && $0.parallelism.settings.offload == .all
    },
    FieldCase("fsdp: [full_shard, auto_wrap]") {
      $0.parallelism.sharding == .fsdp && !$0.parallelism.settings.usesOriginalParameters
        && !$0.parallelism.settings.prefetchesBackward
    },
    FieldCase("defaults: &small {micro_batch_size: 3}\n<<: *small") { $0.batch.microBatch == 3 },
  ])
  func `of axolotl`(field: FieldCase) throws {
    let configuration = try TrainingConfiguration(parsing: Self.axolotl + field.added, file: "a.yml")
    var launch = RecipeRequest()
    if field.added.contains("fsdp") { launch.devices = 2 }
    #expect(field.holds(try configuration.recipe(under: launch)))
  }

  private static let factory = "model_name_or_path: llama-2-7b\ncutoff_len: 512\n"

  @Test(arguments: [
    FieldCase("") {
      $0.method.name == .lora && $0.method.adapter?.rank == 8 && $0.method.adapter?.alpha == 16
        && $0.batch.microBatch == 8 && $0.usesGradientCheckpointing && $0.choices.reentersCheckpoints
        && $0.precision == .pure && $0.weightFormat == .bf16
    },
    FieldCase("lora_rank: 32\nlora_target: q_proj,v_proj\nbf16: true") {
      $0.method.adapter?.alpha == 64 && $0.method.adapter?.targets == .modules(["q_proj", "v_proj"])
        && $0.precision == .autocast && $0.adapterFormat == .fp32
    },
    FieldCase("quantization_bit: 4\ndouble_quantization: false") { $0.method.quantization == .nf4(double: false) },
    FieldCase("quantization_bit: 8") { $0.method.quantization == .int8 },
    FieldCase("quantization_bit: 4\nquantization_method: hqq") { $0.method.quantization?.text == "hqq4, groups of 64" },
    FieldCase("finetuning_type: full\nbf16: true") { $0.method == .full && $0.weightFormat == .fp32 },
    FieldCase("finetuning_type: full\npure_bf16: true") { $0.weightFormat == .bf16 && $0.precision == .pure },
    FieldCase("finetuning_type: freeze\nfreeze_trainable_layers: -3") {
      if case .partial(.layers(let freeze)) = $0.method { freeze.layers == -3 } else { false }
    },
    FieldCase("finetuning_type: oft\noft_block_size: 64") { $0.method.name == .oft },
    FieldCase("use_unsloth_gc: true") { $0.choices.checkpoints == .host },
    FieldCase("use_reentrant_gc: false") { !$0.choices.reentersCheckpoints },
    FieldCase("disable_gradient_checkpointing: true") { !$0.usesGradientCheckpointing },
    FieldCase("enable_liger_kernel: true") { $0.loss == .fused && $0.choices.fusedHead == .liger },
    FieldCase("use_unsloth: true") { $0.stack == .unsloth },
    FieldCase("flash_attn: disabled") { $0.attention == .eager },
    FieldCase("finetuning_type: full\nuse_galore: true\ngalore_layerwise: true\ngalore_rank: 64") {
      $0.optimizer.kind == .galoreAdamwLayerwise && $0.optimizer.rank == 64
    },
    FieldCase("use_apollo: true\nfinetuning_type: full") {
      $0.optimizer.kind == .apolloAdamw && $0.optimizer.rank == 16
    },
    FieldCase("additional_target: embed_tokens,lm_head") { $0.method.adapter?.modulesToSave.count == 2 },
  ])
  func `of LLaMA-Factory`(field: FieldCase) throws {
    let configuration = try TrainingConfiguration(parsing: Self.factory + field.added, file: "a.yaml")
    #expect(field.holds(try configuration.recipe()))
  }

  // The defaults are what `TrlParser((ScriptArguments, SFTConfig, ModelConfig))` of TRL 1.16 makes of the same text.
  private static let trl = "model_name_or_path: llama-2-7b\nmax_length: 256\n"

  @Test(arguments: [
    FieldCase("") {
      $0.method == .full && $0.weightFormat == .fp32 && $0.precision == .autocast && $0.batch.microBatch == 8
        && $0.usesGradientCheckpointing && $0.loss == .fused && $0.optimizer.learningRate == 2e-5
        && $0.optimizer.implementation == .fused
    },
    // peft/utils/constants.py: queries and values of a Llama.
    FieldCase("use_peft: true") { $0.method.adapter?.targets == .modules(["q_proj", "v_proj"]) },
    FieldCase("use_peft: true\nlora_target_modules: all-linear") { $0.method.adapter?.targets == .allLinear },
    FieldCase("use_peft: true\nlora_target_modules: '.*\\.mlp\\.(up|down)_proj'") {
      $0.method.adapter?.targets == .modules(["up_proj", "down_proj"])
    },
    FieldCase("use_peft: true\nload_in_8bit: true") { $0.method.quantization == .int8 },
    FieldCase("fp16: true") { $0.precision == .autocast },
    FieldCase("bf16: false") { $0.precision == .pure },
    FieldCase("optim: adamw_torch") { $0.optimizer.implementation == .foreach },
    FieldCase("label_smoothing_factor: 0.1") { $0.stack == .trlFullLogits && $0.loss == .full },
    FieldCase("use_liger_kernel: true") { $0.choices.norm == .liger && $0.choices.fusedHead == .trl },
    FieldCase("use_liger_kernel: true\nliger_kernel_config: {rope: false}") { $0.choices.rotary == .composed },
    FieldCase("gradient_checkpointing_kwargs: {use_reentrant: true}") { $0.choices.reentersCheckpoints },
    FieldCase("gradient_checkpointing: false") { !$0.usesGradientCheckpointing },
    FieldCase("model_init_kwargs: {dtype: bfloat16, attn_implementation: eager}") {
      $0.weightFormat == .bf16 && $0.attention == .eager
    },
    FieldCase("ddp_bucket_cap_mb: 100") { $0.parallelism.settings.bucketBytes == 100 * .mebi },
  ])
  func `of TRL`(field: FieldCase) throws {
    let configuration = try TrainingConfiguration(parsing: Self.trl + field.added, file: "a.yaml")
    #expect(field.holds(try configuration.recipe()))
  }

  @Test(arguments: [
    FieldCase("bf16: true") {
      $0.stack == .transformers && $0.precision == .autocast && !$0.usesGradientCheckpointing && $0.loss == .full
    },
    FieldCase("use_liger_kernel: true") { $0.stack == .liger && $0.loss == .fused },
    FieldCase("use_liger_kernel: true\nliger_kernel_config: {cross_entropy: true}") {
      $0.loss == .full && $0.choices.crossEntropy == .inPlace
    },
    FieldCase("activation_checkpointing: true") { $0.usesGradientCheckpointing },
  ])
  func `of TrainingArguments`(field: FieldCase) throws {
    let configuration = try TrainingConfiguration(
      parsing: "output_dir: out\nper_device_train_batch_size: 2\n" + field.added, file: "a.yaml")
    #expect(configuration.dialects == [.transformers])
    #expect(field.holds(try configuration.recipe()))
  }

  @Test(arguments: [
    FieldCase(#""peft_type": "LORA""#) { $0.method.adapter?.rank == 8 && $0.method.adapter?.alpha == 8 },
    FieldCase(#""peft_type": "LORA", "use_dora": true"#) { $0.method.name == .dora },
    FieldCase(#""peft_type": "ADALORA", "init_r": 24, "target_r": 8"#) { $0.method.name == .adalora },
    FieldCase(#""peft_type": "VERA""#) { $0.method.name == .vera },
    FieldCase(#""peft_type": "OFT", "oft_block_size": 64, "r": 0, "target_modules": ["q_proj"]"#) {
      $0.method.name == .oft
    },
    FieldCase(#""peft_type": "BOFT", "boft_block_num": 0"#) { $0.method.name == .boft },
    FieldCase(#""peft_type": "LOHA", "r": 4"#) { $0.method.name == .loha },
    FieldCase(#""peft_type": "LOKR", "r": 4"#) { $0.method.name == .lokr },
    FieldCase(#""peft_type": "IA3""#) { $0.method.name == .ia3 },
    FieldCase(#""peft_type": "LN_TUNING""#) { $0.method.name == .lnTuning },
    FieldCase(#""peft_type": "PROMPT_TUNING", "num_virtual_tokens": 32"#) { $0.method.virtualTokens?.count == 32 },
    FieldCase(#""peft_type": "P_TUNING", "num_virtual_tokens": 8, "encoder_hidden_size": 128"#) {
      $0.method.virtualTokens?.kind == .encoded(width: 128)
    },
  ])
  func `of PEFT`(field: FieldCase) throws {
    let configuration = try TrainingConfiguration(parsing: "{\(field.added)}", file: "adapter_config.json")
    var flags = RecipeRequest()
    flags.usesGradientCheckpointing = false
    #expect(field.holds(try configuration.recipe(under: flags)))
  }

  @Test func `flags win over a file`() throws {
    let configuration = try Example.read("axolotl-qlora.yml")
    var flags = RecipeRequest()
    flags.rank = 8
    flags.sequence = 128
    flags.stack = .unsloth
    let recipe = try configuration.recipe(under: flags)
    #expect(recipe.method.adapter?.rank == 8 && recipe.method.adapter?.alpha == 16 && recipe.batch.sequence == 128)
    #expect(recipe.choices == Stack.unsloth.choices)
    flags = RecipeRequest()
    flags.method = .full
    #expect(try configuration.recipe(under: flags).method == .full)
  }

  @Test func `a trainer's file and an adapter's make one recipe`() throws {
    let spec = try ModelSpec.preset("llama-2-7b")
    let request = try Example.read("llama-factory-zero3.yaml", "adapter_config.json").request(for: spec)
    #expect(request.method == .lora && request.rank == 8 && request.sharding == .zero3)
  }

  @Test func `every sentence says its file, and what is ignored is grouped`() throws {
    let sentences = try Example.read("axolotl-qlora.yml").sentences
    #expect(sentences.contains("config axolotl-qlora.yml: lora_r is 32"))
    #expect(sentences.contains("config ignores, though it matters to memory and has no rule yet: relora"))
    #expect(sentences.contains("config ignores, not known to this reader: made_up_key"))
    #expect(sentences.contains { $0.hasPrefix("config leaves out weight_decay: 0") })
  }
}
