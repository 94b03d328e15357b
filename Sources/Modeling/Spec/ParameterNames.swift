/// How a family names its parameters in a Hugging Face checkpoint.
struct ParameterNames: Hashable, Sendable {
  let architecture: Architecture

  var embedding: String {
    switch architecture {
    case .gpt2: "transformer.wte.weight"
    case .gptNeoX: "gpt_neox.embed_in.weight"
    case .qwen: "transformer.wte.weight"
    case .chatGLM: "transformer.embedding.word_embeddings.weight"
    default: "model.embed_tokens.weight"
    }
  }

  var positionEmbedding: String { "transformer.wpe.weight" }

  var head: String {
    switch architecture {
    case .gptNeoX: "embed_out"
    case .chatGLM: "transformer.output_layer"
    default: "lm_head"
    }
  }

  func layer(_ index: Int) -> String {
    switch architecture {
    case .gpt2, .qwen: "transformer.h.\(index)."
    case .chatGLM: "transformer.encoder.layers.\(index)."
    case .gptNeoX: "gpt_neox.layers.\(index)."
    default: "model.layers.\(index)."
    }
  }

  func linear(_ role: Parameter.Linear) -> String {
    switch architecture {
    case .gpt2: gpt2(role)
    case .gptNeoX: neoX(role)
    case .phi: phi(role)
    case .qwen: qwen(role)
    case .chatGLM: chatGLM(role)
    case .qwen2MoE: qwen2MoE(role)
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
    case (.gpt2, .attention), (.qwen, .attention): "ln_1"
    case (.gpt2, .mlp), (.qwen, .mlp): "ln_2"
    case (.gpt2, .final), (.qwen, .final): "transformer.ln_f"
    case (.chatGLM, .final): "transformer.encoder.final_layernorm"
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
    case .gate, .up, .gateUp, .down, .sharedGate: "mlp.\(projection(role))"
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
    case .sharedGate: "shared_expert_gate"
    }
  }

  private func gpt2(_ role: Parameter.Linear) -> String {
    switch role {
    case .query, .key, .value, .queryKeyValue: "attn.c_attn"
    case .output: "attn.c_proj"
    case .gate, .up, .gateUp, .sharedGate: "mlp.c_fc"
    case .down: "mlp.c_proj"
    }
  }

  private func neoX(_ role: Parameter.Linear) -> String {
    switch role {
    case .query, .key, .value, .queryKeyValue: "attention.query_key_value"
    case .output: "attention.dense"
    case .gate, .up, .gateUp, .sharedGate: "mlp.dense_h_to_4h"
    case .down: "mlp.dense_4h_to_h"
    }
  }

  private func chatGLM(_ role: Parameter.Linear) -> String {
    switch role {
    case .query, .key, .value, .queryKeyValue: "self_attention.query_key_value"
    case .output: "self_attention.dense"
    case .gate, .up, .gateUp, .sharedGate: "mlp.dense_h_to_4h"
    case .down: "mlp.dense_4h_to_h"
    }
  }

  /// The activation is `w2`'s.
  private func qwen(_ role: Parameter.Linear) -> String {
    switch role {
    case .query, .key, .value, .queryKeyValue: "attn.c_attn"
    case .output: "attn.c_proj"
    case .gate, .gateUp, .sharedGate: "mlp.w2"
    case .up: "mlp.w1"
    case .down: "mlp.c_proj"
    }
  }

  /// Linear layers of the feed-forward network are those of the expert that every token visits.
  private func qwen2MoE(_ role: Parameter.Linear) -> String {
    switch role {
    case .query, .key, .value, .queryKeyValue, .output, .sharedGate: llama(role)
    case .gate, .up, .gateUp, .down: "mlp.shared_expert.\(projection(role))"
    }
  }

  private func phi(_ role: Parameter.Linear) -> String {
    switch role {
    case .output: "self_attn.dense"
    case .up, .gate, .gateUp, .sharedGate: "mlp.fc1"
    case .down: "mlp.fc2"
    case .query, .key, .value, .queryKeyValue: "self_attn.\(projection(role))"
    }
  }
}

extension ModelSpec {
  var names: ParameterNames { ParameterNames(architecture: architecture) }
}
