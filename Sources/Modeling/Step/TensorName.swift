/// The names that join the two books: each tensor of a step has one, made here for planner and engine alike.
public enum TensorName {
  // MARK: Resident

  /// The parts of a quantized weight: `model.layers.0.self_attn.q_proj.weight.absmax`.
  public static func part(_ part: String, of parameter: String) -> String { "\(parameter).\(part)" }

  public static func loraA(_ module: String) -> String { "\(module).lora_A.weight" }
  public static func loraB(_ module: String) -> String { "\(module).lora_B.weight" }

  public static func gradient(of parameter: String) -> String { "\(parameter).grad" }
  public static func firstMoment(of parameter: String) -> String { "\(parameter).exp_avg" }
  public static func secondMoment(of parameter: String) -> String { "\(parameter).exp_avg_sq" }
  public static func momentum(of parameter: String) -> String { "\(parameter).momentum_buffer" }

  /// A piece of a weight that is stored in fewer bits, in fp32 while it is updated.
  public static func widened(_ parameter: String) -> String { "\(parameter).widened" }

  public static let cosineTable = "rotary.cosine"
  public static let sineTable = "rotary.sine"
  /// Code tables that every quantized weight of the engine shares.
  public static let codeTable = "quantization.code_table"
  public static let nestedCodeTable = "quantization.nested_code_table"

  // MARK: A micro-batch

  public static let tokens = "batch.tokens"
  public static let labels = "batch.labels"
  public static let hidden = "hidden"
  public static let finalNormed = "final_norm.normed"
  public static let finalReciprocalRMS = "final_norm.reciprocal_rms"
  public static let logits = "logits"
  /// What softmax needs to know of each row, where its scores are never all there.
  public static let lossStatistics = "loss.statistics"

  /// A tensor inside a decoder layer: `layers.3.gate`.
  public static func layer(_ index: Int, _ tensor: LayerTensor) -> String { "layers.\(index).\(tensor.rawValue)" }

  /// What an adapter's down-projection makes: `layers.3.q_proj.lora_A.output`.
  public static func loraDown(_ index: Int, _ module: String) -> String { "layers.\(index).\(module).lora_A.output" }
  public static func dropped(_ index: Int, _ module: String) -> String {
    "layers.\(index).\(module).lora_dropout.output"
  }
  public static func dropoutMask(_ index: Int, _ module: String) -> String {
    "layers.\(index).\(module).lora_dropout.mask"
  }

  /// A quantized weight made whole for one product.
  public static func dequantized(_ parameter: String) -> String { "\(parameter).dequantized" }

  /// The gradient of an activation; those of parameters are ``gradient(of:)``.
  public static func flow(_ name: String) -> String { "\(name).flow" }

  public static func workspace(_ name: String) -> String { "\(name).workspace" }
}

/// The tensors of a decoder layer, by what they hold.
public enum LayerTensor: String, CaseIterable, Hashable, Sendable {
  /// The layer's input as gradient checkpointing keeps it.
  case checkpoint
  case attentionNormed = "attention_norm.normed"
  case attentionReciprocalRMS = "attention_norm.reciprocal_rms"
  case query, key, value
  /// Queries and keys after their norms, where a model has such.
  case queryNormed = "query_norm.normed"
  case keyNormed = "key_norm.normed"
  case queryReciprocalRMS = "query_norm.reciprocal_rms"
  case keyReciprocalRMS = "key_norm.reciprocal_rms"
  /// What attention returns, before the output projection.
  case context
  case logsumexp
  /// The residual stream between attention and feed-forward network.
  case middle
  case mlpNormed = "mlp_norm.normed"
  case mlpReciprocalRMS = "mlp_norm.reciprocal_rms"
  case gate, up, product
  /// The residual stream that leaves the layer.
  case output
}
