import Bookkeeping

// Programs that set up the stacks above from a file of settings: their defaults, and what they change.

extension StackDescription {
  // axolotl/loaders/model.py, `_prepare_model_for_quantization`, then `_convert_embedding_modules_dtype` back to the
  // model's own type; utils/schemas/training.py: optimizer adamw_torch_fused. bf16 and gradient_checkpointing are what
  // its examples set.
  private static let axolotlExample = Defaults(
    weightFormat: .bf16, weightFormatReason: "`bf16: auto` of axolotl's examples", adapterFormat: .fp32,
    precision: .autocast, usesGradientCheckpointing: true, loss: .full, learningRate: 2e-4)

  /// axolotl with the settings of its examples.
  static let axolotl = StackDescription(
    stack: .axolotl, title: "axolotl with its examples' settings",
    software: ["axolotl 0.19.0"] + transformersUnprepared.software,
    notes: [
      "What `prepare_model_for_kbit_training` casts to fp32 is cast back, norms, embeddings and head "
        + "(axolotl/loaders/model.py, `_convert_embedding_modules_dtype`).",
      "Projections with adapters run in fused operations like Unsloth's, turned on where nothing speaks against it "
        + "(axolotl/utils/schemas/config.py, `lora_mlp_kernel`, `lora_qkv_kernel`, `lora_o_kernel`; kernels/lora.py).",
    ],
    full: axolotlExample.with { $0.learningRate = 1e-5 }, lora: axolotlExample, qlora: axolotlExample,
    choices: StackChoices(adapters: .axolotl))

  // llamafactory/hparams/model_args.py: `use_reentrant_gc` true, `disable_gradient_checkpointing` false,
  // `upcast_layernorm` false; model/adapter.py: trained parameters are fp32 unless `pure_bf16`. Its examples set bf16.
  private static let factory = Defaults(
    weightFormat: .bf16, weightFormatReason: "`bf16: true` of LLaMA-Factory's examples", adapterFormat: .fp32,
    precision: .autocast, usesGradientCheckpointing: true, loss: .full, learningRate: 1e-4)

  /// LLaMA-Factory with the settings of its examples.
  static let llamaFactory = StackDescription(
    stack: .llamaFactory, title: "LLaMA-Factory with its examples' settings",
    software: ["llamafactory 0.9.5"] + transformersUnprepared.software,
    notes: [
      "Trained parameters are fp32, all weights under full fine-tuning included (llamafactory/model/adapter.py, "
        + "`cast_trainable_params_to_fp32`); nothing else is cast.",
      "Checkpointed layers are re-entered (hparams/model_args.py, `use_reentrant_gc`).",
    ],
    full: factory.with {
      $0.weightFormat = .fp32
      $0.weightFormatReason = "LLaMA-Factory's cast of trained parameters"
      $0.learningRate = 1e-5
    },
    lora: factory, qlora: factory, choices: StackChoices(reentersCheckpoints: true))

  // swift/trainers/arguments.py: gradient_checkpointing true; swift/arguments/tuner_args.py: lora_dtype None, so PEFT's
  // fp32; sft_args.py: learning rates.
  private static let swift = Defaults(
    weightFormat: .bf16, weightFormatReason: "the checkpoint's own, ms-swift's default", adapterFormat: .fp32,
    precision: .autocast, usesGradientCheckpointing: true, loss: .full, learningRate: 1e-4)

  /// ms-swift as it is.
  static let msSwift = StackDescription(
    stack: .msSwift, title: "ms-swift with its defaults",
    software: ["ms-swift 4.6.0"] + transformersUnprepared.software,
    notes: ["Nothing is prepared for k-bit training; adapters are PEFT's, in fp32 (swift/tuners/peft.py)."],
    full: swift.with { $0.learningRate = 1e-5 }, lora: swift, qlora: swift, choices: StackChoices())

  /// fms-acceleration's plugins on TRL 0.13.
  static let fmsAcceleration = StackDescription(
    stack: .fmsAcceleration, title: "fms-acceleration's kernels and quantized PEFT on TRL 0.13",
    software: ["fms-acceleration (accelerated-peft, fused-ops-and-kernels)", "TRL 0.13.0", "Transformers 4.48.1"],
    notes: [
      "A quantized base is not cast to fp32 (fms_acceleration_peft/framework_plugin_bnb.py, "
        + "`_prepare_model_for_kbit_training`).",
      "Projections with adapters run in an early Unsloth's fused operations, the feed-forward network too where all of "
        + "it has adapters (fms_acceleration_foak/models/llama.py, `get_mp_rules`).",
      "Norms, rotary embeddings and cross-entropy are an early Unsloth's, which write in place "
        + "(fms_acceleration_foak/kernels/unsloth).",
      "Transformers 4.48 casts logits in the loss and lays attention's operands out anew "
        + "(integrations/sdpa_attention.py).",
    ],
    full: trl0.full, lora: trl0.lora, qlora: trl0.qlora,
    choices: transformers4.choices.with {
      $0.returnsCastLogits = false
      $0.sharedHeads = .contiguous
      $0.preparesForKbitTraining = false
    }.withFusedOperationsAndKernels)
}

extension StackChoices {
  /// The same with the kernels of fms-acceleration's fused-ops-and-kernels.
  public var withFusedOperationsAndKernels: StackChoices {
    with {
      $0.norm = .liger
      $0.rotary = .liger
      $0.adapters = .foak
      $0.crossEntropy = .inPlace
    }
  }
}
