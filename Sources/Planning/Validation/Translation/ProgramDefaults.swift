import Modeling

/// What a program does where a row says nothing: adapters, quantization, lengths and batches.
///
/// A setting that has no default in the program (axolotl's `lora_r`, say) is PEFT's.
struct ProgramDefaults: Hashable {
  /// A value with the place that it was read in.
  struct Sourced<Value: Hashable>: Hashable {
    let value: Value
    let origin: String

    init(_ value: Value, _ origin: String) {
      self.value = value
      self.origin = origin
    }
  }

  /// peft/tuners/lora/config.py, `LoraConfig`.
  var rank = Sourced(8, "PEFT's default (peft/tuners/lora/config.py)")
  var dropout = Sourced(0.0, "PEFT's and most programs' default")
  /// peft/utils/constants.py, `TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING`: queries and values of nearly all
  /// families, or the one product that holds them.
  var targets = Sourced<[Parameter.Linear]>([.query, .value], "PEFT's default")
  /// transformers/utils/quantization_config.py, `BitsAndBytesConfig`.
  var isDoublyQuantized = Sourced(false, "bitsandbytes' default (`bnb_4bit_use_double_quant`)")
  /// Where samples are cut; `nil` where the program cuts none by itself.
  var sequence: Sourced<Int>?
  /// Sequences of a micro-batch; `nil` where nobody runs the program without saying so.
  var microBatch: Sourced<Int>?

  private static let everyLinear: [Parameter.Linear] = [
    .query, .key, .value, .queryKeyValue, .output, .gate, .up, .gateUp, .down,
  ]

  static func of(_ program: TrainingProgram, _ software: SoftwareVersions) -> ProgramDefaults {
    var defaults = ProgramDefaults()
    switch program {
    case .trl:
      // trl/trainer/sft_config.py, `max_length`; before 0.13 `max_seq_length`, of SFTTrainer itself, was the same.
      defaults.sequence = Sourced(1024, "SFTTrainer's `max_length`")
      defaults.microBatch = Sourced(8, "the Trainer's `per_device_train_batch_size`")
    case .trainer where software.words.says("alpaca lora"):
      // finetune.py, `train`.
      defaults.dropout = Sourced(0.05, "alpaca-lora's finetune.py")
      defaults.sequence = Sourced(256, "alpaca-lora's `cutoff_len`")
      defaults.microBatch = Sourced(4, "alpaca-lora's `micro_batch_size`")
    case .trainer, .loop, .script, .megatron: break
    case .qloraScript:
      // qlora.py, `TrainingArguments`, `DataArguments`, `find_all_linear_names`.
      defaults.rank = Sourced(64, "qlora.py's `lora_r`")
      defaults.dropout = Sourced(0, "qlora.py's `lora_dropout`")
      defaults.targets = Sourced(everyLinear, "as qlora.py's `find_all_linear_names` has it")
      defaults.isDoublyQuantized = Sourced(true, "qlora.py's `double_quant`")
      defaults.sequence = Sourced(1024 + 256, "qlora.py's `source_max_len` and `target_max_len`")
      defaults.microBatch = Sourced(1, "qlora.py's `per_device_train_batch_size`")
    case .fmsTuning:
      // fms-acceleration scripts/benchmarks/scenarios.yaml.
      defaults.rank = Sourced(16, "the benchmark's setting (fms-acceleration scripts/benchmarks/scenarios.yaml)")
      defaults.dropout = Sourced(0.1, "the benchmark's setting (fms-acceleration scripts/benchmarks/scenarios.yaml)")
      defaults.targets = Sourced([.query, .key, .value, .output], "the benchmark's setting")
    case .swift:
      // swift/llm/utils/argument.py of 1.x and 2.x, `SftArguments`; swift/llm/utils/model.py, `LoRATM`: attention's
      // one product, or queries, keys and values; swift/arguments of 3.x and later: all linear layers.
      let isRecent = software["ms-swift"].map { $0 >= SoftwareVersions.Version(3, 0) } ?? software.isAfter(202412)
      defaults.dropout = Sourced(0.05, "ms-swift's default (`lora_dropout_p`)")
      defaults.targets =
        isRecent
        ? Sourced(everyLinear, "ms-swift's `target_modules: all-linear`")
        : Sourced([.query, .key, .value], "ms-swift's `lora_target_modules: DEFAULT`")
      defaults.isDoublyQuantized = Sourced(true, "ms-swift's default (`bnb_4bit_use_double_quant`)")
      defaults.sequence = Sourced(2048, "ms-swift's `max_length` of 1.x and 2.x")
      defaults.microBatch = Sourced(1, "ms-swift's `batch_size`")
      if isRecent { defaults.sequence = nil }
    case .llamaFactory:
      // llamafactory/hparams: finetuning_args.py, `lora_rank`, `lora_dropout`, `lora_target`; model_args.py,
      // `double_quantization`; data_args.py, `cutoff_len`, 1024 before 0.9.1.
      let isRecent =
        software["llamafactory"].map { $0 >= SoftwareVersions.Version(0, 9, 1) } ?? software.isAfter(202410)
      defaults.targets = Sourced(everyLinear, "LLaMA-Factory's `lora_target: all`")
      defaults.isDoublyQuantized = Sourced(true, "LLaMA-Factory's default (`double_quantization`)")
      defaults.sequence = Sourced(isRecent ? 2048 : 1024, "LLaMA-Factory's `cutoff_len`")
      defaults.microBatch = Sourced(8, "the Trainer's `per_device_train_batch_size`")
    case .axolotl:
      // axolotl/utils/schemas/config.py, `sequence_len`, `micro_batch_size`; loaders/model.py,
      // `_set_quantization_config`: NF4, doubly quantized.
      defaults.isDoublyQuantized = Sourced(true, "what axolotl sets (loaders/model.py, `_set_quantization_config`)")
      defaults.sequence = Sourced(512, "axolotl's `sequence_len`")
      defaults.microBatch = Sourced(1, "axolotl's `micro_batch_size`")
    case .unsloth:
      // unsloth/models/llama.py, `FastLlamaModel.get_peft_model` and `from_pretrained`.
      defaults.rank = Sourced(16, "Unsloth's default (unsloth/models/llama.py, `get_peft_model`)")
      defaults.targets = Sourced(everyLinear, "Unsloth's default")
      defaults.isDoublyQuantized = Sourced(true, "what Unsloth sets (unsloth/models/llama.py, `from_pretrained`)")
      defaults.sequence = Sourced(2048, "Unsloth's `max_seq_length`")
    case .litGPT:
      // litgpt/finetune/lora.py, `setup`.
      defaults.dropout = Sourced(0.05, "LitGPT's default (litgpt/finetune/lora.py)")
      defaults.targets = Sourced([.query, .value], "LitGPT's default (litgpt/finetune/lora.py)")
      defaults.microBatch = Sourced(1, "LitGPT's `micro_batch_size`")
    case .torchtune:
      // recipes/configs/llama2/7B_lora_single_device.yaml.
      defaults.targets = Sourced([.query, .value], "torchtune's configs")
      defaults.isDoublyQuantized = Sourced(true, "torchao's NF4, which always is")
      defaults.microBatch = Sourced(2, "the `batch_size` of torchtune's configs")
    case .fsdpQLoRA:
      // train.py, `main`.
      defaults.rank = Sourced(64, "fsdp_qlora's `lora_rank`")
      defaults.dropout = Sourced(0.1, "fsdp_qlora's `lora_dropout`")
      defaults.targets = Sourced([.query, .key, .value, .gate, .up, .down], "fsdp_qlora's `lora_target_modules`")
      defaults.sequence = Sourced(512, "fsdp_qlora's `context_length`")
      defaults.microBatch = Sourced(1, "fsdp_qlora's `batch_size`")
    }
    return defaults
  }
}
