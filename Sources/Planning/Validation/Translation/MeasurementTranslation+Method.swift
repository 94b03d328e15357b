import Bookkeeping
import Modeling

// Which parameters train.

extension MeasurementTranslation {
  mutating func readMethod() throws(Refusal) {
    let text = row.setting.method
    let words = MethodWords(text)
    if let objection = words.objection { throw Refusal(.method, "\(text): \(objection)") }
    guard let name = words.name else { throw Refusal(.method, "\(text) has no rule") }
    if !words.strangers.isEmpty {
      assume("method: \(words.strangers.joined(separator: ", ")) of \(text) says nothing that has a rule")
    }
    let quantization = try readQuantization(words.text)
    request.method = name == .lora && quantization != nil ? .qlora : name
    switch name {
    case .full, .freeze, .head, .bitfit:
      if quantization != nil { throw Refusal(.method, "\(text) on a quantized base has no rule") }
      if name == .freeze { readFrozenLayers(words.text) }
      return
    case .prompt, .pTuning, .prefix: readVirtualTokens()
    case .oft, .boft:
      request.blockSize = row.setting.rank.flatMap { $0 > 0 ? $0 : nil }
      request.targets = try readTargets()
    case .ia3:
      // PEFT's own targets of the family where the row names none.
      let targets = FreeText(row.setting.targets)
      if !targets.isEmpty, !targets.has("default") { request.targets = try readTargets() }
    case .lnTuning: break
    case .vera, .loha, .lokr, .adalora:
      request.rank = row.setting.rank.flatMap { $0 > 0 ? $0 : nil }
      if name == .adalora { request.loraDropout = dropout() }
      request.targets = try readTargets()
    case .lora, .qlora, .dora:
      try readAdapters(words.text)
      if words.text.has("qlora"), quantization == nil {
        assume("quantization: none is stated, so none is planned")
      }
    }
    request.quantization = .some(quantization)
  }

  /// Low-rank adapters and what trains beside them.
  private mutating func readAdapters(_ words: FreeText) throws(Refusal) {
    if words.has("rslora") { assume("rslora: as LoRA, whose adapters it only scales otherwise") }
    if row.setting.method.hasSuffix("+") || words.saysAny("loraplus", "lora plus") {
      assume("lora+: as LoRA, of whose adapters one half learns faster")
    }
    if words.hasAny("pissa", "olora", "loftq", "corda") || words.says("eva") {
      assume("\(row.setting.method): as LoRA, whose factors only begin otherwise")
    }
    if let rank = row.setting.rank, rank > 0 {
      request.rank = rank
    } else {
      assume("rank: \(defaults.rank.value), \(defaults.rank.origin)")
      request.rank = defaults.rank.value
    }
    request.alpha = Double(2 * (request.rank ?? 8))
    request.loraDropout = dropout()
    try readModulesToSave(words)
    request.targets = try readTargets()
  }

  /// Tables and norms that train whole beside adapters, by the names that the model has for them.
  private mutating func readModulesToSave(_ words: FreeText) throws(Refusal) {
    if words.has("longlora") {
      // LongLoRA fine-tune.py: `trainable_params` "embed,norm"; shifted attention keeps what whole attention keeps.
      assume("longlora: embedding and norms train whole, planned as PEFT's copies of them")
      request.modulesToSave = [spec.embeddingModule] + spec.normModules
      return
    }
    let modules = modulesToSave
    if words.says("emb"), modules.isEmpty {
      throw Refusal(
        .method, "\(row.setting.method): which embedding or head trains beside adapters is not said")
    }
    guard !modules.isEmpty else { return }
    assume("\(modules.joined(separator: " and ")): trained whole, copies beside the frozen ones (`modules_to_save`)")
    request.modulesToSave = modules
  }

  /// `freeze(l=3)`, `lisa_2`, `badam`.
  private mutating func readFrozenLayers(_ words: FreeText) {
    let number = words.words.lazy.compactMap(Int.init).first
    if words.hasAny("lisa", "badam", "layer wise") {
      request.trainedLayers = number ?? 1
      // LISA's callback leaves embedding and head trained; BAdam's blocks are layers alone.
      if words.has("lisa") { request.extraModules = [spec.embeddingModule, spec.headModule] }
      assume(
        "method: \(row.setting.method) planned as its last \(number ?? 1) layers; the optimizer's states of layers "
          + "that had their turn are left out")
      if words.has("lisa"), spec.tiesEmbeddings { request.extraModules = [spec.embeddingModule] }
      return
    }
    if let number { request.trainedLayers = number }
    if FreeText(row.setting.library).has("chatglm efficient tuning") {
      // ChatGLM-Efficient-Tuning src/utils/config.py: `name_module_trainable` "mlp".
      request.trainedModules = ["mlp"]
      if number == nil { request.trainedLayers = 3 }
    }
  }

  /// Virtual tokens: the rank column, or a number in the words on targets (`prefix, 128 virtual tokens`).
  private mutating func readVirtualTokens() {
    let words = FreeText(row.setting.targets).words
    let stated = words.firstIndex(of: "virtual").flatMap { $0 > 0 ? Int(words[$0 - 1]) : nil }
    request.virtualTokens = row.setting.rank.flatMap { $0 > 0 ? $0 : nil } ?? stated
  }

  /// Dropout in front of adapters: what the row says, or what its program does by itself.
  private mutating func dropout() -> Double {
    for text in [row.notes, row.setting.method].compactMap(\.self) {
      // `dropout .05`, `dropout=0.1`, `lora_dropout: 0`
      for part in text.lowercased().split(separator: "dropout").dropFirst() {
        let number = part.drop { " =:_p".contains($0) }.prefix { $0.isNumber || $0 == "." }
        if let value = Double(number), (0..<1).contains(value) { return value }
      }
    }
    if request.stack == .torchtune2024 {
      assume("lora-dropout: 0.05, torchtune's of 2024 (models/llama2/_model_builders.py, `lora_llama2_7b`)")
      return 0.05
    }
    assume("lora-dropout: \(defaults.dropout.value), \(defaults.dropout.origin)")
    return defaults.dropout.value
  }
}

extension ModelSpec {
  /// The embedding's module as PEFT's `modules_to_save` calls it.
  fileprivate var embeddingModule: String { String(embeddingName.split(separator: ".").dropLast().last ?? "") }

  /// Every norm's module, each name once.
  fileprivate var normModules: [String] {
    var names: [String] = []
    for parameter in layerParameters(0) + outerParameters {
      guard case .norm = parameter.role else { continue }
      let name = String(parameter.name.split(separator: ".").dropLast().last ?? "")
      if !names.contains(name) { names.append(name) }
    }
    return names
  }
}
