import Modeling

// Where adapters go: names of many programs, by the part of a layer that they mean.

extension MeasurementTranslation {
  mutating func readTargets() throws(Refusal) -> LoRA.Targets {
    let text = row.setting.targets
    let words = FreeText(text?.replacing("_", with: "").replacing(".", with: " "))
    if words.isEmpty || (words.says("default") && words.words.count <= 2) {
      let usual = defaults.targets
      assume("targets: \(usual.value.map(\.rawValue).joined(separator: ", ")), \(usual.origin)")
      return try modules(Set(usual.value), of: text ?? "")
    }
    if words.saysAny("all", "alllinear", "all linear", "linear", "alllinearlayers") { return .allLinear }
    var roles: Set<Parameter.Linear> = []
    var strangers: [String] = []
    let tables = Set(modulesToSave.map { $0.replacing("_", with: "").lowercased() })
    for word in FreeText(text?.replacing("_", with: "").split(separator: "(").first.map(String.init)).words {
      if let found = MeasurementTranslation.roles(word, fused: spec.attention.fusesProjections, qwen: isFirstQwen) {
        roles.formUnion(found)
      } else if Int(word) == nil, !["and", "on", "r", "only", "layers", "modules"].contains(word),
        !tables.contains(word)
      {
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
    case "qkv", "qkvproj", "cattn", "querykeyvalue", "wqkv", "wpack", "attnqkv", "linearqkv",
      "attncattn", "selfattnwpack", "selfattentionquerykeyvalue", "attentionquerykeyvalue":
      [.queryKeyValue]
    case "qv": [.query, .value]
    case "qk": [.query, .key]
    case "qkvo", "qkvoproj": [.query, .key, .value, .output]
    case "o", "oproj", "output", "outputproj", "outproj", "wo", "dense", "attnoutput", "linearproj", "projection",
      "proj":
      [.output]
    // Qwen: w1 is the up projection, w2 the gate; Llama's own code: w1 the gate, w2 down, w3 up.
    case "w1": qwen ? [.up] : [.gate]
    case "w2": qwen ? [.gate] : [.down]
    case "w3": [.up]
    case "cproj": [.output, .down]
    case "gate", "gateproj": [.gate]
    case "up", "upproj", "fc1", "fcin", "cfc", "densehto4h": [.up, .gateUp]
    case "down", "downproj", "fc2", "fcout", "dense4htoh": [.down]
    case "gateup", "gateupproj", "linearfc1": [.gateUp, .up]
    case "linearfc2": [.down]
    case "mlp", "ffn", "feedforward", "mlps": [.gate, .up, .down]
    case "attn", "attention", "selfattn", "selfattention": [.query, .key, .value, .output]
    default: nil
    }
  }
}
