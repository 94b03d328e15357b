import Modeling

/// Small models for tests that are about recipes and clocks.
enum TinyModels {
  static func llama(_ changes: [String: JSONValue] = [:]) throws -> ModelSpec {
    let config: [String: JSONValue] = [
      "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3,
      "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 100, "max_position_embeddings": 256,
    ]
    return try ConfigJSON(.object(config.merging(changes) { $1 }), file: "config.json", name: "tiny").spec
  }
}
