import Bookkeeping

extension Family {
  /// Builds the spec that Transformers' model class would build from these fields.
  func spec(_ fields: ConfigFields, name: String) throws(ConfigError) -> ModelSpec {
    let defaults = defaults
    let hidden = try fields.size(keys.hidden, in: ModelSpec.Limit.hiddenSize, default: defaults.hidden)
    let layers = try fields.size(keys.layers, in: ModelSpec.Limit.layers, default: defaults.layers)
    let attention = try attention(fields, hidden: hidden)
    let feedForward = try feedForward(fields, hidden: hidden)
    let vocabulary = try fields.size(
      vocabularyField, in: ModelSpec.Limit.vocabulary, default: defaults.vocabulary)
    let maximumPositions = try fields.size(
      keys.positions, in: ModelSpec.Limit.positions, default: defaults.positions)
    let positions =
      try self == .gpt2
      ? Positions.learned(maximumPositions) : .rotary(rotary(fields, maximumPositions: maximumPositions))
    let normalization = try normalization(fields)
    let tiesEmbeddings = try fields.flag("tie_word_embeddings") ?? (isGemma || self == .gpt2)
    let softcap = try softcap(fields, "final_logit_softcapping", default: 30)
    let format = try checkpointFormat(fields)
    do {
      return try ModelSpec(
        name: name, architecture: architecture, layerCount: layers, hiddenSize: hidden, attention: attention,
        feedForward: feedForward, vocabularySize: vocabulary, tiesEmbeddings: tiesEmbeddings,
        headHasBias: self == .phi, normalization: normalization, positions: positions,
        maximumPositions: maximumPositions, finalLogitSoftcap: softcap, checkpointFormat: format)
    } catch {
      throw .invalidModel(error, file: fields.file)
    }
  }

  // MARK: Attention

  private func attention(_ fields: ConfigFields, hidden: Int) throws(ConfigError) -> AttentionSpec {
    let heads = try fields.size(keys.heads, in: ModelSpec.Limit.heads, default: defaults.heads)
    let bias = try projectionBias(fields)
    if self == .phi, try fields.flag("qk_layernorm") == true {
      throw fields.unsupported("qk_layernorm", "norms of queries and keys with biases are not modeled")
    }
    if self == .chatglm, try fields.flag("multi_query_attention") == false {
      throw fields.unsupported("multi_query_attention", "only ChatGLM2 and 3 are known, which have it")
    }
    return AttentionSpec(
      heads: heads, keyValueHeads: try keyValueHeads(fields, heads: heads),
      headDimension: try headDimension(fields, hidden: hidden, heads: heads), hasProjectionBias: bias,
      // Qwen2's output projection has none, though its other projections do.
      hasOutputBias: bias && ![.qwen2, .qwen2MoE, .qwen, .chatglm].contains(self),
      normalizesQueryAndKey: [.qwen3, .qwen3MoE, .gemma3].contains(self),
      fusesProjections: [.phi3, .gpt2, .gptNeoX, .qwen, .chatglm].contains(self),
      slidingWindow: try slidingWindow(fields),
      logitSoftcap: try softcap(fields, "attn_logit_softcapping", default: 50))
  }

  private func keyValueHeads(_ fields: ConfigFields, heads: Int) throws(ConfigError) -> Int {
    if [.gpt2, .gptNeoX, .qwen].contains(self) { return heads }
    if self == .chatglm {
      return try fields.size("multi_query_group_num", in: ModelSpec.Limit.heads, default: 2)
    }
    if let count = try fields.integer("num_key_value_heads", in: ModelSpec.Limit.heads) { return count }
    if fields.isNull("num_key_value_heads") { return heads }
    return defaults.keyValueHeads ?? heads
  }

  private func headDimension(_ fields: ConfigFields, hidden: Int, heads: Int) throws(ConfigError) -> Int {
    // These classes know no head_dim: their width is always the hidden size.
    if self == .qwen || self == .chatglm {
      return try fields.size("kv_channels", in: ModelSpec.Limit.headDimension, default: 128)
    }
    let isFixed = [.gpt2, .gptNeoX].contains(self)
    if !isFixed, let size = try fields.integer("head_dim", in: ModelSpec.Limit.headDimension) { return size }
    if !isFixed, let size = defaults.headDimension { return size }
    guard hidden.isMultiple(of: heads) else {
      let error = ModelSpecError.notDivisible(
        field: fields.label(keys.hidden), value: hidden, by: fields.label(keys.heads), divisor: heads)
      throw .invalidModel(error, file: fields.file)
    }
    return hidden / heads
  }

  private func projectionBias(_ fields: ConfigFields) throws(ConfigError) -> Bool {
    switch self {
    case .qwen2, .phi, .gpt2, .qwen: true
    case .qwen2MoE: try fields.flag("qkv_bias") ?? true
    case .chatglm: try fields.flag("add_qkv_bias") ?? true
    case .mistral, .mixtral, .phi3: false
    case .gptNeoX: try fields.flag("attention_bias") ?? true
    case .llama, .qwen3, .qwen3MoE, .gemma, .gemma2, .gemma3: try fields.flag("attention_bias") ?? false
    }
  }

  private func slidingWindow(_ fields: ConfigFields) throws(ConfigError) -> Int? {
    let range = ModelSpec.Limit.positions
    switch self {
    case .llama, .gemma, .phi, .gpt2, .gptNeoX, .qwen, .chatglm: return nil
    case .mixtral, .phi3: return try fields.integer("sliding_window", in: range)
    case .qwen2, .qwen3, .qwen3MoE, .qwen2MoE:
      guard try fields.flag("use_sliding_window") == true else { return nil }
    case .mistral, .gemma2, .gemma3: break
    }
    if fields.isNull("sliding_window") { return nil }
    return try fields.integer("sliding_window", in: range) ?? 4096
  }

  /// Gemma 2 caps unless told otherwise; Gemma 3 has the fields and leaves them empty.
  private func softcap(
    _ fields: ConfigFields, _ field: String, default fallback: Double
  ) throws(ConfigError) -> Double? {
    guard self == .gemma2 || self == .gemma3 else { return nil }
    if let cap = try fields.positive(field) { return cap }
    return self == .gemma2 && !fields.isNull(field) ? fallback : nil
  }

  // MARK: Feed-forward

  private func feedForward(_ fields: ConfigFields, hidden: Int) throws(ConfigError) -> FeedForwardSpec {
    let range = ModelSpec.Limit.intermediateSize
    let inner =
      self == .gpt2
      ? try fields.integer("n_inner", in: range) ?? 4 * hidden
      : try fields.size(intermediateField, in: range, default: defaults.intermediate)
    // Qwen's first generation writes down the width of gate and up together.
    let width = self == .qwen ? inner / 2 : inner
    let isPlain = [.phi, .gpt2, .gptNeoX].contains(self)
    return FeedForwardSpec(
      intermediateSize: width, isGated: !isPlain, activation: try activation(fields),
      hasBias: try self == .llama ? fields.flag("mlp_bias") ?? false : isPlain,
      fusesGateAndUp: self == .phi3 || self == .chatglm,
      experts: try experts(fields, inner: inner))
  }

  private func experts(_ fields: ConfigFields, inner: Int) throws(ConfigError) -> FeedForwardSpec.Experts? {
    guard isMixture else { return nil }
    let counts = ModelSpec.Limit.experts
    let active = try fields.size(
      "num_experts_per_tok", in: counts, default: self == .mixtral ? 2 : self == .qwen2MoE ? 4 : 8)
    if self == .mixtral {
      let count = try fields.size("num_local_experts", in: counts, default: 8)
      return FeedForwardSpec.Experts(count: count, active: active, intermediateSize: inner)
    }
    if let step = try fields.integer("decoder_sparse_step", in: 1...ModelSpec.Limit.layers.upperBound), step != 1 {
      throw fields.unsupported("decoder_sparse_step", "layers that are no mixtures between those that are")
    }
    if let dense = fields.value("mlp_only_layers"), dense != .array([]) {
      throw fields.unsupported("mlp_only_layers", "layers that are no mixtures between those that are")
    }
    // Transformers 5 writes the name that it shares with Mixtral.
    let field = fields.value("num_experts") == nil ? "num_local_experts" : "num_experts"
    return FeedForwardSpec.Experts(
      count: try fields.size(field, in: counts, default: self == .qwen2MoE ? 60 : 128), active: active,
      intermediateSize: try fields.size(
        "moe_intermediate_size", in: ModelSpec.Limit.intermediateSize, default: self == .qwen2MoE ? 1408 : 768),
      sharedIntermediateSize: self == .qwen2MoE
        ? try fields.size(
          "shared_expert_intermediate_size", in: ModelSpec.Limit.intermediateSize, default: 5632) : nil,
      normalizesWeights: try fields.flag("norm_topk_prob") ?? false)
  }

  private func activation(_ fields: ConfigFields) throws(ConfigError) -> FeedForwardSpec.Activation {
    // Gemma's first releases say gelu and mean its tanh approximation; later ones name hidden_activation instead.
    if self == .gemma { return .geluTanh }
    if self == .qwen || self == .chatglm { return .silu }
    let field =
      switch self {
      case .gpt2: "activation_function"
      case .gemma2, .gemma3: "hidden_activation"
      default: "hidden_act"
      }
    let fallback: FeedForwardSpec.Activation =
      switch self {
      case .gpt2, .phi, .gemma2, .gemma3: .geluTanh
      case .gptNeoX: .gelu
      default: .silu
      }
    guard let name = try fields.text(field) else { return fallback }
    switch name {
    case "silu", "swish": return .silu
    case "gelu": return .gelu
    case "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_accurate": return .geluTanh
    case "relu": return .relu
    default: throw fields.unsupported(field, "known are silu, gelu, gelu_new, gelu_pytorch_tanh and relu")
    }
  }

  // MARK: Norms and format

  private func normalization(_ fields: ConfigFields) throws(ConfigError) -> Normalization {
    let epsilon = try fields.number(keys.epsilon, where: { $0 > 0 && $0 < 1 }, "a positive number below 1")
    let isParallelNeoX = try fields.flag("use_parallel_residual") ?? true
    let isParallel = self == .phi || (self == .gptNeoX && isParallelNeoX)
    return Normalization(
      kind: [.phi, .gpt2, .gptNeoX].contains(self) ? .layer : .rms, epsilon: epsilon ?? defaults.epsilon,
      weightIsOffset: isGemma, normalizesOutputs: self == .gemma2 || self == .gemma3, isParallel: isParallel,
      sharesParallelNorm: self == .phi)
  }

  private func checkpointFormat(_ fields: ConfigFields) throws(ConfigError) -> ScalarFormat? {
    let field = fields.value("dtype") == nil ? "torch_dtype" : "dtype"
    guard let name = try fields.text(field) else { return nil }
    switch name.hasPrefix("torch.") ? String(name.dropFirst("torch.".count)) : name {
    case "float64": return .fp64
    case "float32", "float": return .fp32
    case "float16", "half": return .fp16
    case "bfloat16": return .bf16
    case "float8_e4m3fn", "float8_e5m2": return .fp8
    case "auto": return nil
    default: throw fields.unsupported(field, "known are float32, float16, bfloat16, float64 and float8_e4m3fn")
    }
  }
}
