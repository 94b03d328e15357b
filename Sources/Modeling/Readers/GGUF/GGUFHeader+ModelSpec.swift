import Bookkeeping

extension GGUFHeader {
  /// Every `general.architecture` that a spec can be made from.
  public static var knownArchitectures: [String] { families.keys.sorted() }

  private static let families: [String: Family] = [
    "llama": .llama, "qwen2": .qwen2, "qwen3": .qwen3, "qwen3moe": .qwen3MoE, "gemma": .gemma, "gemma2": .gemma2,
    "gemma3": .gemma3, "phi2": .phi, "phi3": .phi3, "gpt2": .gpt2, "gptneox": .gptNeoX,
  ]

  /// The architecture, as far as the metadata gives it.
  ///
  /// The keys are translated into those of a `config.json` and read by the same reader; messages name the GGUF keys.
  /// Mistral files call themselves `llama`, and so do Mixtral's, which have experts.
  public func spec(name: String) throws(GGUFError) -> ModelSpec {
    let architecture: String
    switch metadata["general.architecture"] {
    case .string(let text)?: architecture = text
    case let other?:
      throw .config(
        .wrongType(
          field: "general.architecture", found: other.json.summary, expected: "a string", file: file))
    case nil: throw .config(.missing(field: "general.architecture", file: file))
    }
    guard var family = GGUFHeader.families[architecture] else {
      throw .unknownArchitecture(architecture, known: GGUFHeader.knownArchitectures)
    }
    if family == .llama, (metadata["llama.expert_count"]?.integerValue ?? 0) > 0 { family = .mixtral }
    let keys = GGUFKeys(family: family, architecture: architecture)
    let fields = ConfigFields(
      config(family, keys), file: file, labels: keys.names, requiresSizes: true)
    do { return try family.spec(fields, name: name) } catch { throw .config(error) }
  }

  /// The fields of a `config.json` that metadata and tensors answer.
  private func config(_ family: Family, _ keys: GGUFKeys) -> [String: JSONValue] {
    var config: [String: JSONValue] = [:]
    for (field, key) in keys.names {
      if let value = metadata[key] { config[field] = value.uniform.json }
    }
    config["partial_rotary_factor"] = rotatedShare(config, keys).map(JSONValue.number)
    // Without the key every query head has keys of its own.
    if config["num_key_value_heads"] == nil { config["num_key_value_heads"] = config[family.keys.heads] }
    let shapes = Dictionary(tensors.map { ($0.name, $0.shape.extents) }, uniquingKeysWith: { first, _ in first })
    // The table's own rows, before a key that many files lack and a list that some don't carry.
    if let rows = shapes["token_embd.weight"]?.first {
      config["vocab_size"] = .integer(rows)
    } else if config["vocab_size"] == nil, let tokens = metadata["tokenizer.ggml.tokens"]?.arrayValue {
      config["vocab_size"] = .integer(tokens.count)
    }
    if !tensors.isEmpty {
      config["tie_word_embeddings"] = .bool(shapes["output.weight"] == nil)
      let hasBias = shapes["blk.0.attn_q.bias"] != nil || shapes["blk.0.attn_qkv.bias"] != nil
      config["attention_bias"] = .bool(hasBias)
      config["mlp_bias"] = .bool(shapes["blk.0.ffn_up.bias"] != nil)
    }
    if let format = checkpointFormat { config["dtype"] = format }
    if shapes["rope_freqs.weight"] != nil {
      // Llama 3's rule, of which the file keeps the factors and not the four numbers they were made from.
      config["rope_scaling"] = ["rope_type": "rope_freqs"]
    } else if let rule = metadata[keys.prefix + "rope.scaling.type"]?.stringValue, rule != "none" {
      let factor = metadata[keys.prefix + "rope.scaling.factor"]?.json ?? .null
      config["rope_scaling"] = ["rope_type": .string(rule), "factor": factor]
    }
    return config
  }

  /// The unquantized formats by Transformers' names; a quantized file says nothing about what was published.
  private var checkpointFormat: JSONValue? {
    let names: [String: JSONValue] = ["F32": "float32", "F16": "float16", "BF16": "bfloat16"]
    return tensors.first { $0.name == "token_embd.weight" }.flatMap { names[$0.type.name] }
  }

  /// The share of a head that is rotated, which GGUF gives as a number of dimensions.
  private func rotatedShare(_ config: [String: JSONValue], _ keys: GGUFKeys) -> Double? {
    guard let rotated = metadata[keys.prefix + "rope.dimension_count"]?.integerValue, rotated > 0 else { return nil }
    guard let hidden = config[keys.family.keys.hidden]?.integerValue,
      let heads = config[keys.family.keys.heads]?.integerValue, heads > 0
    else { return nil }
    let head = config["head_dim"]?.integerValue ?? hidden / heads
    return head > 0 ? Double(rotated) / Double(head) : nil
  }
}

extension GGUFValue {
  /// The element of a list that says the same for every layer; everything else as it is.
  fileprivate var uniform: GGUFValue {
    guard case .array(let layers) = self, let first = layers.first, layers.allSatisfy({ $0 == first }) else {
      return self
    }
    return first
  }
}

/// Which GGUF key answers which field of a `config.json`.
private struct GGUFKeys {
  let family: Family
  /// `llama.`
  let prefix: String

  init(family: Family, architecture: String) {
    self.family = family
    prefix = architecture + "."
  }

  /// Source: ggml `docs/gguf.md`, and gguf-py `constants.py`, `Keys`.
  var names: [String: String] {
    let isLayerNorm = [.phi, .gpt2, .gptNeoX].contains(family)
    var names: [String: String] = [
      family.keys.layers: "block_count", family.keys.hidden: "embedding_length",
      family.keys.positions: "context_length", family.keys.heads: "attention.head_count",
      "num_key_value_heads": "attention.head_count_kv", "head_dim": "attention.key_length",
      family == .gpt2 ? "n_inner" : "intermediate_size": "feed_forward_length", "vocab_size": "vocab_size",
      family.keys.epsilon: isLayerNorm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon",
      "rope_theta": "rope.freq_base", "sliding_window": "attention.sliding_window",
      "attn_logit_softcapping": "attn_logit_softcapping", "final_logit_softcapping": "final_logit_softcapping",
      "use_parallel_residual": "use_parallel_residual", "partial_rotary_factor": "rope.dimension_count",
    ]
    if family.isMixture {
      names[family == .mixtral ? "num_local_experts" : "num_experts"] = "expert_count"
      names["num_experts_per_tok"] = "expert_used_count"
      if family == .qwen3MoE { names["moe_intermediate_size"] = "expert_feed_forward_length" }
    }
    return names.mapValues { prefix + $0 }
  }
}
