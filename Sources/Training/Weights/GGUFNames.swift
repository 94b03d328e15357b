import Modeling

/// What GGUF calls the parameters of Llama-type decoders.
///
/// Source: llama.cpp `gguf-py/gguf/constants.py`, `TENSOR_NAMES`, and `tensor_mapping.py`.
enum GGUFNames {
  static let rotaryFactors = "rope_freqs.weight"

  /// `nil` for what these architectures don't have.
  static func name(of parameter: Parameter) -> String? {
    switch parameter.role {
    case .embedding: "token_embd.weight"
    case .head: "output.weight"
    case .norm(.final): "output_norm.weight"
    case .norm(let place): inLayer(parameter, norms[place], "weight")
    case .linear(let role): inLayer(parameter, linears[role], "weight")
    case .linearBias(let role): inLayer(parameter, linears[role], "bias")
    case .positionEmbedding, .normBias, .router, .expert, .headBias: nil
    }
  }

  /// The heads of a query or key projection, weight or bias; `nil` for every other parameter.
  static func rotatedHeads(_ parameter: Parameter, of spec: ModelSpec) -> Int? {
    switch parameter.role {
    case .linear(.query), .linearBias(.query): spec.attention.heads
    case .linear(.key), .linearBias(.key): spec.attention.keyValueHeads
    default: nil
    }
  }

  private static func inLayer(_ parameter: Parameter, _ module: String?, _ part: String) -> String? {
    guard let module, let layer = parameter.layer else { return nil }
    return "blk.\(layer).\(module).\(part)"
  }

  private static let norms: [Parameter.Norm: String] = [
    .attention: "attn_norm", .mlp: "ffn_norm", .query: "attn_q_norm", .key: "attn_k_norm",
  ]

  private static let linears: [Parameter.Linear: String] = [
    .query: "attn_q", .key: "attn_k", .value: "attn_v", .output: "attn_output", .gate: "ffn_gate", .up: "ffn_up",
    .down: "ffn_down",
  ]
}
