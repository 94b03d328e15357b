import Bookkeeping

// Shape letters here: H hidden, q query width, k key/value width, I intermediate, V vocabulary, D head dimension.

extension SafetensorsCheckpoint {
  /// The architecture that names and shapes alone give away, for the families with Llama's names.
  ///
  /// Heads are only visible where queries are normalized per head (Qwen3, Gemma 3), because then the norm's width is
  /// the head dimension. Everything that no shape says (positions, epsilon, rotary base) is the family's default and
  /// listed in the second value. Throws ``SafetensorsError/undetermined(key:reason:file:)`` with the key that is
  /// missing otherwise.
  public func spec(name: String) throws(SafetensorsError) -> (spec: ModelSpec, assumed: [String]) {
    let shapes = TensorShapes(tensors, file: path)
    let family = try shapes.family()
    let config = try shapes.config(family)
    do {
      let spec = try ConfigJSON(.object(config), file: path, name: name).spec
      return (spec, ["max_position_embeddings", "rms_norm_eps", "rope_theta"])
    } catch {
      throw .config(error)
    }
  }
}

/// The shapes of a checkpoint by name, the prefix of multimodal checkpoints taken off.
private struct TensorShapes {
  private let shapes: [String: Shape]
  private let types: [String: SafetensorsElementType]
  private let file: String
  private static let first = "model.layers.0."

  init(_ tensors: [StoredTensor], file: String) {
    self.file = file
    func bare(_ name: String) -> String {
      for prefix in ["language_model.", "model.language_model."] where name.hasPrefix(prefix) {
        let rest = String(name.dropFirst(prefix.count))
        return rest.hasPrefix("model.") || rest.hasPrefix("lm_head") ? rest : "model." + rest
      }
      return name
    }
    shapes = Dictionary(tensors.map { (bare($0.name), $0.shape) }, uniquingKeysWith: { first, _ in first })
    types = Dictionary(tensors.map { (bare($0.name), $0.elementType) }, uniquingKeysWith: { first, _ in first })
  }

  func family() throws(SafetensorsError) -> Family {
    guard shapes["model.embed_tokens.weight"] != nil, has("self_attn.o_proj.weight") else {
      throw .undetermined(
        key: "model_type", reason: "there is no model.embed_tokens.weight with decoder layers of Llama's names",
        file: file)
    }
    if has("block_sparse_moe.gate.weight") || has("mlp.gate.weight") {
      throw .undetermined(
        key: "num_experts_per_tok", reason: "how many experts a token visits leaves no trace in the shapes",
        file: file)
    }
    guard has("self_attn.q_norm.weight") else {
      throw .undetermined(
        key: "num_attention_heads or head_dim",
        reason: "the projections are as wide as all heads together, and no norm is as wide as one", file: file)
    }
    return has("pre_feedforward_layernorm.weight") ? .gemma3 : .qwen3
  }

  /// The fields of a `config.json` that the shapes answer.
  func config(_ family: Family) throws(SafetensorsError) -> [String: JSONValue] {
    let table = try extents("model.embed_tokens.weight", rank: 2)  // [V, H]
    let query = try extents(TensorShapes.first + "self_attn.q_proj.weight", rank: 2)  // [q, H]
    let key = try extents(TensorShapes.first + "self_attn.k_proj.weight", rank: 2)  // [k, H]
    let up = try extents(TensorShapes.first + "mlp.up_proj.weight", rank: 2)  // [I, H]
    let head = try extents(TensorShapes.first + "self_attn.q_norm.weight", rank: 1)[0]  // [D]
    guard head > 0, query[0].isMultiple(of: head), key[0].isMultiple(of: head) else {
      throw .malformed(
        "heads of \(head) elements, as q_norm has them, don't fill projections of \(query[0]) and \(key[0])",
        file: file)
    }
    var config: [String: JSONValue] = [
      "model_type": .string(family.rawValue), "vocab_size": .integer(table[0]), "hidden_size": .integer(table[1]),
      "num_hidden_layers": .integer(try layerCount()), "num_attention_heads": .integer(query[0] / head),
      "num_key_value_heads": .integer(key[0] / head), "head_dim": .integer(head),
      "intermediate_size": .integer(up[0]), "attention_bias": .bool(has("self_attn.q_proj.bias")),
      "tie_word_embeddings": .bool(shapes["lm_head.weight"] == nil),
    ]
    let names: [SafetensorsElementType: JSONValue] = [.fp32: "float32", .bf16: "bfloat16", .fp16: "float16"]
    if let type = types["model.embed_tokens.weight"], let name = names[type] { config["dtype"] = name }
    return config
  }

  private func has(_ name: String) -> Bool { shapes[TensorShapes.first + name] != nil }

  private func extents(_ name: String, rank: Int) throws(SafetensorsError) -> [Int] {
    guard let shape = shapes[name] else { throw .missingTensor(name, file: file) }
    guard shape.extents.count == rank else {
      throw .malformed("the tensor \(name) has the shape \(shape) where \(rank) extents should be", file: file)
    }
    return shape.extents
  }

  private func layerCount() throws(SafetensorsError) -> Int {
    let prefix = "model.layers."
    let indices = Set(
      shapes.keys.lazy.filter { $0.hasPrefix(prefix) }.compactMap { name in
        Int(name.dropFirst(prefix.count).prefix { $0 != "." })
      })
    for index in 0..<indices.count where !indices.contains(index) {
      throw .missingTensor("\(prefix)\(index).input_layernorm.weight", file: file)
    }
    return indices.count
  }
}
