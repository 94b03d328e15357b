public import Bookkeeping

/// One tensor of a checkpoint: its published name, its shape, and what it is in the model.
public struct Parameter: Hashable, Sendable {
  /// As in the checkpoint: `model.layers.0.self_attn.q_proj.weight`.
  public let name: String
  /// As stored, row-major: `[out, in]` for linear layers (`[in, out]` for GPT-2's Conv1D).
  public let shape: Shape
  public let role: Role
  /// The decoder layer it belongs to, if any.
  public let layer: Int?

  public init(name: String, shape: Shape, role: Role, layer: Int? = nil) {
    self.name = name
    self.shape = shape
    self.role = role
    self.layer = layer
  }

  public var count: Int { shape.count }

  /// What a parameter is in the model.
  public enum Role: Hashable, Sendable {
    case embedding
    case positionEmbedding
    /// The weight of a linear layer.
    case linear(Linear)
    case linearBias(Linear)
    case norm(Norm)
    case normBias(Norm)
    /// A mixture's router.
    case router
    /// The weight of one expert's linear layer, or of all experts' in one tensor of rank 3.
    case expert(Linear, index: Int?)
    case head
    case headBias
  }

  /// The linear layers of a decoder layer.
  public enum Linear: String, CaseIterable, Hashable, Sendable, Codable {
    case query, key, value, queryKeyValue, output, gate, up, gateUp, down
    /// The one number by which a shared expert's result is weighted.
    case sharedGate
  }

  /// The norms of a decoder, by place.
  public enum Norm: String, CaseIterable, Hashable, Sendable, Codable {
    case attention, mlp, attentionOutput, mlpOutput, query, key, final
  }
}

/// A linear layer as a method sees it: a target for an adapter, a candidate for quantization.
public struct LinearModule: Hashable, Sendable {
  /// Without `.weight`: `model.layers.0.self_attn.q_proj`.
  public let name: String
  public let role: Parameter.Linear
  public let layer: Int
  public let input: Int
  public let output: Int
  public let hasBias: Bool

  public init(name: String, role: Parameter.Linear, layer: Int, input: Int, output: Int, hasBias: Bool) {
    self.name = name
    self.role = role
    self.layer = layer
    self.input = input
    self.output = output
    self.hasBias = hasBias
  }

  /// The last component of the name, by which PEFT's `target_modules` match: `q_proj`.
  public var shortName: String { String(name.split(separator: ".").last ?? "") }
}
