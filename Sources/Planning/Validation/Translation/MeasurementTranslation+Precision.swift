import Bookkeeping
import Modeling

// In which formats weights, adapters and products are.

extension MeasurementTranslation {
  mutating func readPrecision() {
    let compute = FreeText(row.setting.computeFormat)
    let computeFormat = MeasurementTranslation.format(compute)
    let weightFormat = MeasurementTranslation.format(FreeText(row.setting.weightFormat))
    if weightFormat == nil {
      assume("dtype: \((computeFormat ?? .bf16).rawValue), the format that products are in")
    }
    let weights = weightFormat ?? computeFormat ?? .bf16
    request.weightFormat = weights
    request.precision = precision(compute)
    switch request.method {
    case .full, .freeze, .head, .bitfit: return
    // peft/tuners/prompt_tuning/model.py and its kin: embeddings in torch's default format.
    case .prompt, .pTuning, .prefix:
      request.adapterFormat = .fp32
      return
    default: break
    }
    request.adapterFormat = adapterFormat(compute, weights: weights)
  }

  private mutating func precision(_ compute: FreeText) -> Precision {
    // megatron/core/transformer/module.py, `Float16Module`: the model is cast, whatever a table calls that.
    if program == .megatron { return .pure }
    if compute.saysAny("no autocast", "without autocast", "no amp") { return .pure }
    if compute.hasAny("autocast", "mixed", " amp ") {
      // FSDP and DeepSpeed cast parameters themselves, not products.
      return compute.hasAny("mixedprecision", "deepspeed") ? .pure : .autocast
    }
    if compute.hasAny("pure", "deepspeed", "half", "full bf16") { return .pure }
    // `bf16-true` is Fabric's word for weights of that format, `bf16=True` the Trainer's for autocast.
    let isFlag = row.setting.computeFormat?.lowercased().contains("=true") ?? false
    if MeasurementTranslation.format(compute) == .fp32 || (compute.has("true") && !isFlag) { return .pure }
    switch program {
    case .trl, .trainer, .qloraScript, .swift, .llamaFactory, .axolotl, .fmsTuning, .unsloth:
      assume("precision: autocast, as \(program.title) turns its bf16 and fp16 flags into")
      return .autocast
    case .loop, .script, .litGPT, .torchtune, .megatron, .fsdpQLoRA:
      return .pure
    }
  }

  private mutating func adapterFormat(_ compute: FreeText, weights: ScalarFormat) -> ScalarFormat {
    for format in [ScalarFormat.fp32, .bf16, .fp16]
    where compute.saysAny("adapters \(format.rawValue)", "\(format.rawValue) adapters", "lora \(format.rawValue)") {
      return format
    }
    switch program {
    case .litGPT, .torchtune, .fsdpQLoRA, .megatron:
      assume("adapter dtype: \(weights.rawValue), \(program.title) makes adapters in the model's format")
      return weights
    case .llamaFactory:
      // llamafactory/model/adapter.py, `cast_trainable_params_to_fp32`.
      assume("adapter dtype: fp32, \(program.title)'s default")
      return .fp32
    case .qloraScript where compute.hasAny("bf16", "bfloat16") || compute.isEmpty:
      assume("adapter dtype: bf16, as qlora.py casts them under --bf16")
      return .bf16
    // ms-swift: `lora_dtype` is AUTO, which leaves it to PEFT (swift/llm/tuner.py of 2.6.1; 1.5 has no such setting).
    case .swift, .trl, .trainer, .loop, .script, .qloraScript, .fmsTuning, .axolotl, .unsloth: break
    }
    // peft/tuners/tuners_utils.py, `_cast_adapter_dtype`, since 0.12; from 0.6 on lora/layer.py, `update_layer`, took
    // the format of a floating-point base and left adapters of a quantized one in fp32; before it lora.py left all.
    if isPEFT(from: (0, 6), of: 202311), !isPEFT(from: (0, 12), of: 202407), request.quantization == .some(nil) {
      assume("adapter dtype: \(weights.rawValue), the base's, as PEFT 0.6 to 0.11 makes them")
      return weights
    }
    assume("adapter dtype: fp32, PEFT's default (`autocast_adapter_dtype`)")
    return .fp32
  }

  /// Whether PEFT is of this version or later; where none is stated, by the month of its release.
  private func isPEFT(from version: (Int, Int), of month: Int) -> Bool {
    if let stated = software["peft"] { return stated >= SoftwareVersions.Version(version.0, version.1) }
    return software.month.map { $0 >= month } ?? true
  }

  /// The first format that the words name.
  static func format(_ words: FreeText) -> ScalarFormat? {
    for word in words.words {
      switch word {
      case "bf16", "bfloat16", "bf": return .bf16
      case "fp16", "float16", "half", "16": return .fp16
      case "fp32", "float32", "tf32", "32": return .fp32
      default: continue
      }
    }
    return nil
  }
}
