/// How a family names its parameters in a Hugging Face checkpoint.
struct ParameterNames: Hashable, Sendable {
  let architecture: Architecture

  var embedding: String {
    switch architecture {
    case .gpt2: "transformer.wte.weight"
    case .gptNeoX: "gpt_neox.embed_in.weight"
    default: "model.embed_tokens.weight"
    }
  }

  var positionEmbedding: String { "transformer.wpe.weight" }

  var head: String { architecture == .gptNeoX ? "embed_out" : "lm_head" }

  func layer(_ index: Int) -> String {
    switch architecture {
    case .gpt2: "transformer.h.\(index)."
    case .gptNeoX: "gpt_neox.layers.\(index)."
    default: "model.layers.\(index)."
    }
  }

  func linear(_ role: Parameter.Linear) -> String {
    switch architecture {
    case .gpt2: gpt2(role)
    case .gptNeoX: neoX(role)
    case .phi: phi(role)
    default: llama(role)
    }
  }

  var router: String { architecture == .mixtral ? "block_sparse_moe.gate" : "mlp.gate" }

  func expert(_ index: Int, _ role: Parameter.Linear) -> String {
    guard architecture == .mixtral else { return "mlp.experts.\(index).\(projection(role))" }
    let matrix = [Parameter.Linear.gate: "w1", .down: "w2", .up: "w3"][role] ?? projection(role)
    return "block_sparse_moe.experts.\(index).\(matrix)"
  }

  /// Without the layer's prefix and `.weight`; the final norm with its own prefix.
  func norm(_ place: Parameter.Norm) -> String {
    switch (architecture, place) {
    case (.gpt2, .attention): "ln_1"
    case (.gpt2, .mlp): "ln_2"
    case (.gpt2, .final): "transformer.ln_f"
    case (.gptNeoX, .final): "gpt_neox.final_layer_norm"
    case (.phi, .final): "model.final_layernorm"
    case (.gemma2, .mlp), (.gemma3, .mlp): "pre_feedforward_layernorm"
    case (_, .attention): "input_layernorm"
    case (_, .mlp): "post_attention_layernorm"
    case (_, .attentionOutput): "post_attention_layernorm"
    case (_, .mlpOutput): "post_feedforward_layernorm"
    case (_, .query): "self_attn.q_norm"
    case (_, .key): "self_attn.k_norm"
    case (_, .final): "model.norm"
    }
  }

  private func llama(_ role: Parameter.Linear) -> String {
    switch role {
    case .query, .key, .value, .queryKeyValue, .output: "self_attn.\(projection(role))"
    case .gate, .up, .gateUp, .down: "mlp.\(projection(role))"
    }
  }

  private func projection(_ role: Parameter.Linear) -> String {
    switch role {
    case .query: "q_proj"
    case .key: "k_proj"
    case .value: "v_proj"
    case .queryKeyValue: "qkv_proj"
    case .output: "o_proj"
    case .gate: "gate_proj"
    case .up: "up_proj"
    case .gateUp: "gate_up_proj"
    case .down: "down_proj"
    }
  }

  private func gpt2(_ role: Parameter.Linear) -> String {
    switch role {
    case .query, .key, .value, .queryKeyValue: "attn.c_attn"
    case .output: "attn.c_proj"
    case .gate, .up, .gateUp: "mlp.c_fc"
    case .down: "mlp.c_proj"
    }
  }

  private func neoX(_ role: Parameter.Linear) -> String {
    switch role {
    case .query, .key, .value, .queryKeyValue: "attention.query_key_value"
    case .output: "attention.dense"
    case .gate, .up, .gateUp: "mlp.dense_h_to_4h"
    case .down: "mlp.dense_4h_to_h"
    }
  }

  private func phi(_ role: Parameter.Linear) -> String {
    switch role {
    case .output: "self_attn.dense"
    case .up, .gate, .gateUp: "mlp.fc1"
    case .down: "mlp.fc2"
    case .query, .key, .value, .queryKeyValue: "self_attn.\(projection(role))"
    }
  }
}

extension ModelSpec {
  var names: ParameterNames { ParameterNames(architecture: architecture) }
}
