import Bookkeeping
import Modeling

// Which parameters train, and how the frozen ones are stored.

extension MeasurementTranslation {
  mutating func readMethod() throws(Refusal) {
    let text = row.setting.method
    let words = FreeText(text)
    let quantization = try readQuantization()
    guard words.hasAny("lora", "full", "sft", "fft") || words.isEmpty else {
      throw Refusal(.method, "\(text) has no rule")
    }
    if let other = MeasurementTranslation.variants.first(where: { words.has($0.word) }) {
      throw Refusal(.method, "\(text): \(other.reason)")
    }
    if words.has("emb"), modulesToSave.isEmpty {
      throw Refusal(.method, "\(text): which embedding or head trains beside adapters is not said")
    }
    guard words.has("lora") else {
      if quantization != nil { throw Refusal(.method, "\(text) on a quantized base has no rule") }
      request.method = .full
      return
    }
    if words.saysAny("rslora") { assume("rslora: as LoRA, whose adapters it only scales otherwise") }
    if text.hasSuffix("+") { assume("lora+: as LoRA, of whose adapters one half learns faster") }
    request.method = quantization == nil ? .lora : .qlora
    if words.has("qlora"), quantization == nil { assume("quantization: none is stated, so none is planned") }
    request.quantization = .some(quantization)
    if let rank = row.setting.rank, rank > 0 {
      request.rank = rank
    } else {
      assume("rank: 8, PEFT's default (peft/tuners/lora/config.py)")
      request.rank = 8
    }
    request.alpha = Double(2 * (request.rank ?? 8))
    request.loraDropout = dropout()
    request.targets = try readTargets()
    let modules = modulesToSave
    if !modules.isEmpty {
      assume("\(modules.joined(separator: " and ")): trained whole, copies beside the frozen ones (`modules_to_save`)")
      request.modulesToSave = modules
    }
  }

  /// Methods that share a word with those that have rules.
  private static let variants: [(word: String, reason: String)] = [
    ("dora", "weights decomposed into magnitude and direction have no rule"),
    ("adalora", "adapters of changing rank have no rule"),
    ("galore", "gradients projected to low rank have no rule"),
    ("lisa", "layers that take turns have no rule"),
    ("dpo", "preference tuning has no rule"), ("orpo", "preference tuning has no rule"),
    ("grpo", "reinforcement learning has no rule"), ("ppo", "reinforcement learning has no rule"),
    ("loftq", "its initialization has no rule"), ("vera", "shared random projections have no rule"),
  ]

  /// Dropout in front of adapters: what the row says, or what its program does by itself.
  private mutating func dropout() -> Double {
    for text in [row.notes, row.setting.method].compactMap(\.self) {
      // `dropout .05`, `dropout=0.1`, `lora_dropout: 0`
      for part in text.lowercased().split(separator: "dropout").dropFirst() {
        let number = part.drop { " =:_p".contains($0) }.prefix { $0.isNumber || $0 == "." }
        if let value = Double(number), (0..<1).contains(value) { return value }
      }
    }
    let (value, origin) = program.adapterDropout(isEarly: request.stack == .torchtune2024)
    assume("lora-dropout: \(value), \(origin)")
    return value
  }

  private mutating func readQuantization() throws(Refusal) -> Quantization? {
    let text = row.setting.quantization
    let words = FreeText(text)
    if words.isEmpty || words.saysAny("none", "no", "n a") { return nil }
    let isDouble = row.setting.isDoublyQuantized
    if words.hasAny("nf4", "fp4") || words.saysAny("4bit", "4 bit", "int4 bnb", "bnb 4bit") {
      if isDouble == nil { assume("double quantization: off, bitsandbytes' default (`bnb_4bit_use_double_quant`)") }
      return words.has("fp4") ? .fp4(double: isDouble ?? false) : .nf4(double: isDouble ?? false)
    }
    if words.saysAny("int8", "8bit", "8 bit", "llm.int8", "bnb int8", "int8 bnb"), !words.hasAny("gptq", "awq", "hqq") {
      return .int8
    }
    for bits in [2, 3, 4, 8] where words.has("gptq\(bits)") {
      assume("gptq: groups of 128 weights, as published checkpoints have them")
      do { return try .gptq(bits: bits) } catch { throw Refusal(.quantization, "\(error)") }
    }
    throw Refusal(.quantization, "\(text ?? "") has no rule")
  }
}

extension TrainingProgram {
  /// Dropout in front of adapters where nothing is said of it, and where that was read.
  ///
  /// - Parameter isEarly: whether torchtune is that of 2024.
  func adapterDropout(isEarly: Bool) -> (Double, origin: String) {
    switch self {
    case .torchtune where isEarly:
      (0.05, "torchtune's of 2024 (models/llama2/_model_builders.py, `lora_llama2_7b`)")
    case .fmsTuning: (0.1, "the benchmark's setting (fms-acceleration scripts/benchmarks/scenarios.yaml)")
    case .swift: (0.05, "ms-swift's default (`lora_dropout_p`)")
    case .litGPT: (0.05, "LitGPT's default (litgpt/finetune/lora.py)")
    case .fsdpQLoRA: (0.1, "fsdp_qlora's default (train.py, `lora_dropout`)")
    case .trl, .trainer, .loop, .llamaFactory, .axolotl, .unsloth, .torchtune, .megatron:
      (0, "PEFT's and most programs' default")
    }
  }
}
