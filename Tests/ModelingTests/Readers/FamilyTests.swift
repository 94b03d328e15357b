import Bookkeeping
import Modeling
import Testing

@Suite struct `The families` {
  @Test(arguments: Families.recorded.families)
  func `parameters have the names and shapes of the checkpoint that Transformers saves`(
    family: Families.Family
  ) throws {
    let spec = try ConfigJSON(family.config.value, file: family.name).spec
    let listed = Dictionary(uniqueKeysWithValues: spec.parameters.map { ($0.name, $0.shape.extents) })
    #expect(listed == family.tensors)
  }

  @Test(arguments: Families.recorded.families)
  func `Transformers 5's own config.json describes the same model`(family: Families.Family) throws {
    let written = try ConfigJSON(family.config.value, file: family.name, name: "tiny").spec
    let saved = try ConfigJSON(family.saved.value, file: family.name, name: "tiny").spec
    #expect(saved.parameters == written.parameters)
    #expect(saved.attention == written.attention)
    #expect(saved.feedForward == written.feedForward)
    #expect(saved.normalization == written.normalization)
    #expect(saved.positions == written.positions)
    #expect(saved.finalLogitSoftcap == written.finalLogitSoftcap)
    #expect(saved.checkpointFormat == .fp32)
  }

  @Test(arguments: Families.recorded.defaults.keys.sorted())
  func `an empty configuration is what Transformers' class makes of it`(type: String) throws {
    let defaults = try #require(Families.recorded.defaults[type])
    let config = try ConfigJSON(["model_type": .string(type)], file: "config.json")
    #expect(config.spec.parameterCount == defaults.parameters)
    #expect(config.spec.maximumPositions == defaults.positions)
    #expect(config.spec.attention.heads == defaults.heads)
    #expect(config.spec.layerCount == defaults.layers)
    #expect(config.spec.normalization.epsilon == defaults.epsilon)
    #expect(config.spec.tiesEmbeddings == defaults.tied)
    #expect(config.defaulted.contains("vocab_size"))
    #expect(config.defaulted.count >= 4)
  }

  @Test func `every known type is recorded`() {
    let recorded = Set(Families.recorded.defaults.keys)
    // Classes of qwen and chatglm come with their checkpoints, not with Transformers.
    #expect(recorded == Set(ConfigJSON.knownTypes).subtracting(["gemma3", "qwen", "chatglm"]))
  }

  @Test func `Qwen's first generation has a fused projection with a bias, and half the width it writes down`() throws {
    let spec = try #require(Presets.named("Qwen/Qwen-7B-Chat")).spec
    let shapes = Dictionary(uniqueKeysWithValues: spec.layerParameters(0).map { ($0.name, $0.shape.extents) })
    #expect(
      shapes == [
        "transformer.h.0.ln_1.weight": [4096], "transformer.h.0.attn.c_attn.weight": [12288, 4096],
        "transformer.h.0.attn.c_attn.bias": [12288], "transformer.h.0.attn.c_proj.weight": [4096, 4096],
        "transformer.h.0.ln_2.weight": [4096], "transformer.h.0.mlp.w1.weight": [11008, 4096],
        "transformer.h.0.mlp.w2.weight": [11008, 4096], "transformer.h.0.mlp.c_proj.weight": [4096, 11008],
      ])
    #expect(spec.parameterCount == 7_721_324_544)
  }

  @Test func `ChatGLM3 has two groups of keys and rotates half of each head`() throws {
    // THUDM/chatglm3-6b, config.json; 6 243 584 000 parameters in its checkpoint's index.
    let spec = try ConfigJSON(
      [
        "model_type": "chatglm", "hidden_size": 4096, "ffn_hidden_size": 13696, "num_layers": 28,
        "num_attention_heads": 32, "kv_channels": 128, "multi_query_attention": true, "multi_query_group_num": 2,
        "padded_vocab_size": 65024, "seq_length": 8192, "layernorm_epsilon": 1e-5, "add_qkv_bias": true,
        "torch_dtype": "float16",
      ], file: "config.json"
    ).spec
    #expect(spec.parameterCount == 6_243_584_000)
    #expect(spec.module(.gateUp, layer: 0).output == 27392)
    #expect(spec.module(.queryKeyValue, layer: 0).output == 4096 + 512)
    guard case .rotary(let rotary) = spec.positions else {
      Issue.record("positions are not rotary")
      return
    }
    #expect(rotary.rotatedShare == 0.5)
  }

  @Test(arguments: Families.recorded.families)
  func `the modules that adapters see are the linear weights of the list`(family: Families.Family) throws {
    let spec = try ConfigJSON(family.config.value, file: family.name).spec
    for layer in 0..<spec.layerCount {
      let listed = spec.layerParameters(layer).compactMap { parameter in
        if case .linear = parameter.role { parameter.name } else { nil }
      }
      #expect(spec.linearModules(layer).map { $0.name + ".weight" } == listed)
    }
  }
}
