public import Bookkeeping

/// The architecture of a decoder: what `config.json` says, checked once, then a value.
///
/// The list of parameters follows from it (``parameters``), and every reader (presets, `config.json`, safetensors and
/// GGUF headers) yields this one type.
public struct ModelSpec: Hashable, Sendable {
  public let name: String
  public let architecture: Architecture
  public let layerCount: Int
  public let hiddenSize: Int
  public let attention: AttentionSpec
  public let feedForward: FeedForwardSpec
  public let vocabularySize: Int
  /// Whether the head reuses the embedding table.
  public let tiesEmbeddings: Bool
  /// Whether the head has a bias of its own (Phi-1/2, GPT-J).
  public let headHasBias: Bool
  public let normalization: Normalization
  public let positions: Positions
  /// The longest sequence the model was made for.
  public let maximumPositions: Int
  /// tanh(logits / cap) · cap before the loss, where the model has it (Gemma 2).
  public let finalLogitSoftcap: Double?
  /// The format that the checkpoint is published in, if known.
  public let checkpointFormat: ScalarFormat?

  /// Makes a spec, or says which field cannot be.
  public init(
    name: String, architecture: Architecture, layerCount: Int, hiddenSize: Int, attention: AttentionSpec,
    feedForward: FeedForwardSpec, vocabularySize: Int, tiesEmbeddings: Bool, headHasBias: Bool = false,
    normalization: Normalization, positions: Positions, maximumPositions: Int, finalLogitSoftcap: Double? = nil,
    checkpointFormat: ScalarFormat? = nil
  ) throws(ModelSpecError) {
    self.name = name
    self.architecture = architecture
    self.layerCount = layerCount
    self.hiddenSize = hiddenSize
    self.attention = attention
    self.feedForward = feedForward
    self.vocabularySize = vocabularySize
    self.tiesEmbeddings = tiesEmbeddings
    self.headHasBias = headHasBias
    self.normalization = normalization
    self.positions = positions
    self.maximumPositions = maximumPositions
    self.finalLogitSoftcap = finalLogitSoftcap
    self.checkpointFormat = checkpointFormat
    try validate()
  }
}

/// A family of decoders: names its parameters and decides details that `config.json` leaves unsaid.
public enum Architecture: String, CaseIterable, Hashable, Sendable, Codable {
  case llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3, phi, phi3, gpt2, gptNeoX, mixtral, qwen3MoE, qwen2MoE, qwen,
    chatGLM
}

/// Attention of one layer.
public struct AttentionSpec: Hashable, Sendable {
  public let heads: Int
  public let keyValueHeads: Int
  public let headDimension: Int
  /// Whether q, k and v projections have biases (Qwen2, GPT-2, NeoX).
  public let hasProjectionBias: Bool
  /// Whether the output projection has one (GPT-2, NeoX).
  public let hasOutputBias: Bool
  /// Whether q and k are RMS-normalized per head before the rotary embedding (Qwen3, Gemma 3).
  public let normalizesQueryAndKey: Bool
  /// Whether q, k and v come out of one product (GPT-2 `c_attn`, NeoX `query_key_value`, Phi-3 `qkv_proj`).
  public let fusesProjections: Bool
  /// Keys a query may look back on, where the model limits it in some or all layers.
  public let slidingWindow: Int?
  /// tanh(scores / cap) · cap before softmax, where the model has it (Gemma 2).
  public let logitSoftcap: Double?

  public init(
    heads: Int, keyValueHeads: Int, headDimension: Int, hasProjectionBias: Bool = false, hasOutputBias: Bool = false,
    normalizesQueryAndKey: Bool = false, fusesProjections: Bool = false, slidingWindow: Int? = nil,
    logitSoftcap: Double? = nil
  ) {
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headDimension = headDimension
    self.hasProjectionBias = hasProjectionBias
    self.hasOutputBias = hasOutputBias
    self.normalizesQueryAndKey = normalizesQueryAndKey
    self.fusesProjections = fusesProjections
    self.slidingWindow = slidingWindow
    self.logitSoftcap = logitSoftcap
  }

  /// Width of all query heads together; not always the hidden size.
  public var queryWidth: Int { heads * headDimension }
  /// Width of all key (or value) heads together.
  public var keyValueWidth: Int { keyValueHeads * headDimension }
}

/// Feed-forward part of one layer.
public struct FeedForwardSpec: Hashable, Sendable {
  public enum Activation: String, Hashable, Sendable, Codable, CaseIterable { case silu, gelu, geluTanh, relu }

  public let intermediateSize: Int
  /// Whether a gate multiplies the up projection (SwiGLU, GeGLU).
  public let isGated: Bool
  public let activation: Activation
  public let hasBias: Bool
  /// Whether gate and up come out of one product (Phi-3 `gate_up_proj`).
  public let fusesGateAndUp: Bool
  public let experts: Experts?

  public init(
    intermediateSize: Int, isGated: Bool = true, activation: Activation = .silu, hasBias: Bool = false,
    fusesGateAndUp: Bool = false, experts: Experts? = nil
  ) {
    self.intermediateSize = intermediateSize
    self.isGated = isGated
    self.activation = activation
    self.hasBias = hasBias
    self.fusesGateAndUp = fusesGateAndUp
    self.experts = experts
  }

  /// A mixture of experts in place of one feed-forward network.
  public struct Experts: Hashable, Sendable {
    public let count: Int
    /// Experts that one token visits.
    public let active: Int
    /// Width inside one expert.
    public let intermediateSize: Int
    /// Width inside an expert that every token visits beside the others, behind a gate of its own (Qwen2-MoE).
    public let sharedIntermediateSize: Int?
    /// Whether the weights of a token's experts are made to sum to one.
    public let normalizesWeights: Bool

    public init(
      count: Int, active: Int, intermediateSize: Int, sharedIntermediateSize: Int? = nil,
      normalizesWeights: Bool = true
    ) {
      self.count = count
      self.active = active
      self.intermediateSize = intermediateSize
      self.sharedIntermediateSize = sharedIntermediateSize
      self.normalizesWeights = normalizesWeights
    }
  }
}

/// How hidden states are normalized.
public struct Normalization: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable, Codable {
    /// Weight only.
    case rms
    /// Weight and bias, mean subtracted.
    case layer
  }

  public let kind: Kind
  public let epsilon: Double
  /// Whether the stored weight is an offset from one (Gemma).
  public let weightIsOffset: Bool
  /// Whether attention's and the feed-forward's outputs are normalized too (Gemma 2 and 3).
  public let normalizesOutputs: Bool
  /// Whether attention and feed-forward read the same input side by side (NeoX, Phi).
  public let isParallel: Bool
  /// Whether a parallel layer has one norm for both branches (Phi) instead of two (NeoX).
  public let sharesParallelNorm: Bool

  public init(
    kind: Kind, epsilon: Double, weightIsOffset: Bool = false, normalizesOutputs: Bool = false,
    isParallel: Bool = false, sharesParallelNorm: Bool = false
  ) {
    self.kind = kind
    self.epsilon = epsilon
    self.weightIsOffset = weightIsOffset
    self.normalizesOutputs = normalizesOutputs
    self.isParallel = isParallel
    self.sharesParallelNorm = sharesParallelNorm
  }
}

/// How a model knows the order of its tokens.
public enum Positions: Hashable, Sendable {
  case rotary(RotarySpec)
  /// A trained table of so many positions (GPT-2).
  case learned(Int)
}

/// Rotary position embedding.
public struct RotarySpec: Hashable, Sendable {
  public enum Scaling: Hashable, Sendable {
    case none
    case linear(factor: Double)
    /// Llama 3.1's: low frequencies divided by `factor`, a smooth passage to the high ones
    /// (transformers `modeling_rope_utils.py`, `_compute_llama3_parameters`).
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalPositions: Int)
    /// A rule that the planner need not know, by its name (`yarn`, `longrope`, `dynamic`).
    case other(String)
  }

  public let theta: Double
  /// Share of a head's dimension that is rotated (NeoX, Phi); 1 for all of it.
  public let rotatedShare: Double
  public let scaling: Scaling

  public init(theta: Double, rotatedShare: Double = 1, scaling: Scaling = .none) {
    self.theta = theta
    self.rotatedShare = rotatedShare
    self.scaling = scaling
  }
}
