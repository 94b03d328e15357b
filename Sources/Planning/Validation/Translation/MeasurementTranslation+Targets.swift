import Modeling

// Where adapters go: names of many programs, by the part of a layer that they mean.

extension MeasurementTranslation {
  mutating func readTargets() throws(Refusal) -> LoRA.Targets {
    let text = row.setting.targets
    let words = FreeText(text?.replacing("_", with: "").replacing(".", with: " "))
    if words.isEmpty || words.saysAny("config default", "default", "peft default") && words.words.count <= 2 {
      let roles = program.defaultTargets
      assume("targets: \(roles.map(\.rawValue).joined(separator: ", ")), \(program.title)'s default")
      return try modules(Set(roles), of: text ?? "")
    }
    if words.saysAny("all", "alllinear", "all linear", "linear") { return .allLinear }
    var roles: Set<Parameter.Linear> = []
    var strangers: [String] = []
    let tables = Set(modulesToSave.map { $0.replacing("_", with: "").lowercased() })
    for word in FreeText(text?.replacing("_", with: "").split(separator: "(").first.map(String.init)).words {
      if let found = MeasurementTranslation.roles(word, fused: spec.attention.fusesProjections, qwen: isFirstQwen) {
        roles.formUnion(found)
      } else if Int(word) == nil, !["and", "on", "r"].contains(word), !tables.contains(word) {
        strangers.append(word)
      }
    }
    if !strangers.isEmpty {
      assume("targets: \(strangers.joined(separator: ", ")) is on no layer that has a rule and is left out")
    }
    return try modules(roles, of: text ?? "")
  }

  /// Embedding and head, where the row names them beside the layers' own.
  var modulesToSave: [String] {
    let names = (row.setting.targets ?? "").split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
    let tables = spec.outerParameters.filter { $0.role == .embedding || $0.role == .head }
    // A head that reuses the embedding has a name and no weight of its own.
    return names.filter { name in
      name == spec.headModule || tables.contains { spec.isModule(name, of: $0) }
    }
  }

  /// Qwen's first generation calls the down projection of its network `c_proj`, like attention's output.
  private var isFirstQwen: Bool { FreeText(row.model.name).has("qwen") && spec.attention.fusesProjections }

  /// The names, as this model has them, of the linear layers with these roles.
  private func modules(_ roles: Set<Parameter.Linear>, of text: String) throws(Refusal) -> LoRA.Targets {
    var wanted = roles
    let names: [Parameter.Linear: String] = [.query: "q_proj", .key: "k_proj", .value: "v_proj"]
    if program == .litGPT, spec.attention.fusesProjections, wanted.isSubset(of: names.keys) {
      // litgpt/lora.py, `LoRAQKVLinear`: its fused projection takes an adapter on some of the three.
      return .modules([Parameter.Linear.query, .key, .value].filter(wanted.contains).compactMap { names[$0] })
    }
    // One product stands for three, and three for one.
    if spec.attention.fusesProjections, !wanted.isDisjoint(with: [.query, .key, .value]) {
      wanted.insert(.queryKeyValue)
    } else if wanted.contains(.queryKeyValue) {
      wanted.formUnion([.query, .key, .value])
    }
    if spec.feedForward.fusesGateAndUp, !wanted.isDisjoint(with: [.gate, .up]) { wanted.insert(.gateUp) }
    if wanted.contains(.gateUp) { wanted.formUnion([.gate, .up]) }
    let modules = spec.linearModules(0)
    let chosen = modules.filter { wanted.contains($0.role) }
    guard !chosen.isEmpty else { throw Refusal(.targets, "\(text) is on no linear layer of \(spec.name)") }
    if chosen.count == modules.count { return .allLinear }
    // Two parts of a name, since one alone can be attention's and the network's (`c_proj`).
    return .modules(chosen.map { $0.name.split(separator: ".").suffix(2).joined(separator: ".") })
  }

  private static func roles(_ word: String, fused: Bool, qwen: Bool) -> Set<Parameter.Linear>? {
    switch word {
    case "q", "qproj", "query", "wq", "toq": [.query]
    case "k", "kproj", "key", "wk", "tok": [.key]
    case "v", "vproj", "value", "wv", "tov": [.value]
    case "qkv", "qkvproj", "cattn", "querykeyvalue", "wqkv", "wpack", "attnqkv", "linearqkv": [.queryKeyValue]
    case "o", "oproj", "output", "outputproj", "outproj", "wo", "dense", "attnoutput", "linearproj", "proj": [.output]
    // Qwen: w1 is the up projection, w2 the gate; Llama's own code: w1 the gate, w2 down, w3 up.
    case "w1": qwen ? [.up] : [.gate]
    case "w2": qwen ? [.gate] : [.down]
    case "w3": [.up]
    case "cproj": [.output, .down]
    case "gate", "gateproj": [.gate]
    case "up", "upproj", "fc1", "cfc", "denseh4h", "denseh", "denseHto4h": [.up]
    case "denseh4to4h", "densehto4h": [.up]
    case "down", "downproj", "fc2", "dense4htoh": [.down]
    case "gateup", "gateupproj", "linearfc1": [.gateUp, .up]
    case "linearfc2": [.down]
    case "mlp", "ffn", "feedforward": [.gate, .up, .down]
    case "attn", "attention", "selfattn": [.query, .key, .value, .output]
    default: nil
    }
  }
}

extension TrainingProgram {
  /// Where adapters go if nobody says (peft/utils/constants.py, `TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING`;
  /// litgpt/finetune/lora.py; torchtune recipes/configs/llama2/7B_lora_single_device.yaml).
  var defaultTargets: [Parameter.Linear] {
    switch self {
    case .unsloth: [.query, .key, .value, .output, .gate, .up, .down]
    case .torchtune: [.query, .value]
    default: [.query, .value]
    }
  }
}
