import Bookkeeping
import Modeling
import Testing

@Suite struct `Reading config.json` {
  static let small: [String: JSONValue] = [
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 100, "max_position_embeddings": 256,
  ]

  static func with(_ changes: [String: JSONValue]) throws(ConfigError) -> ModelSpec {
    try ConfigJSON(.object(small.merging(changes) { $1 }), file: "config.json").spec
  }

  static func parse(_ text: String) throws(ConfigError) -> ModelSpec {
    try ConfigJSON(bytes: Array(text.utf8), file: "config.json").spec
  }

  // MARK: Bad fields

  static let badFields: [(String, JSONValue)] = [
    ("rms_norm_eps", .number(.nan)), ("rms_norm_eps", 0), ("rms_norm_eps", 1.5), ("rms_norm_eps", "tiny"),
    ("rope_theta", -1), ("rope_theta", .number(.infinity)), ("rope_theta", "1e6"),
    ("tie_word_embeddings", 1), ("tie_word_embeddings", "yes"), ("attention_bias", 0), ("mlp_bias", []),
    ("hidden_act", "fancy"), ("hidden_act", 3), ("torch_dtype", "int3"), ("dtype", 16), ("rope_scaling", "linear"),
    ("rope_scaling", ["rope_type": 3]), ("rope_scaling", ["rope_type": "linear"]),
    ("rope_scaling", ["rope_type": "linear", "factor": 0]), ("rope_parameters", []), ("_name_or_path", 3),
    ("quantization_config", "gptq"),
  ]

  @Test(arguments: [
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
    "vocab_size", "max_position_embeddings", "head_dim",
  ])
  func `a bad integer is refused with its name and the file`(field: String) throws {
    let bad: [JSONValue] = [
      -1, 0, 4096.5, .number(.nan), .number(.infinity), .number(1e300), "many", true, [], [:], .integer(.max),
      .integer(.min), .number(-9.3e18),
    ]
    for value in bad {
      let error = #expect(throws: ConfigError.self) { try Self.with([field: value]) }
      let message = error?.description ?? ""
      #expect(message.contains(field) && message.contains("config.json"), "\(message)")
    }
  }

  @Test(arguments: badFields)
  func `any other bad field is refused with its name and the file`(field: String, value: JSONValue) throws {
    let error = #expect(throws: ConfigError.self) { try Self.with([field: value]) }
    let message = error?.description ?? ""
    #expect(message.contains(field) && message.contains("config.json"), "\(message)")
  }

  @Test func `fields that contradict each other are refused`() throws {
    let uneven = #expect(throws: ConfigError.self) { try Self.with(["num_key_value_heads": 3]) }
    #expect(uneven?.description.contains("num_key_value_heads") == true)
    let width = #expect(throws: ConfigError.self) { try Self.with(["hidden_size": 66]) }
    #expect(
      width?.description == "config.json: hidden_size is 66: it must be a multiple of num_attention_heads, which is 4")
    let odd = #expect(throws: ConfigError.self) { try Self.with(["head_dim": 15]) }
    #expect(odd?.description.contains("head_dim") == true)
    let frequencies: JSONValue = [
      "rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 1,
      "original_max_position_embeddings": 128,
    ]
    let band = #expect(throws: ConfigError.self) { try Self.with(["rope_scaling": frequencies]) }
    #expect(band?.description.contains("high_freq_factor") == true)
  }

  @Test func `a model too large to count is refused and does not overflow`() throws {
    let changes: [String: JSONValue] = [
      "hidden_size": 1_048_576, "num_hidden_layers": 4096, "intermediate_size": 4_194_304, "head_dim": 16384,
      "num_attention_heads": 4096, "num_key_value_heads": 4096,
    ]
    let error = #expect(throws: ConfigError.self) { try Self.with(changes) }
    #expect(error?.description.contains("2^45") == true)
  }

  @Test func `more experts than can be listed are refused`() throws {
    let changes: [String: JSONValue] = ["model_type": "mixtral", "num_local_experts": 4096, "num_hidden_layers": 4096]
    let error = #expect(throws: ConfigError.self) { try Self.with(changes) }
    #expect(error?.description.contains("num_experts") == true)
  }

  @Test func `an unknown model type is named together with the known ones`() throws {
    let error = #expect(throws: ConfigError.self) { try Self.with(["model_type": "mamba"]) }
    #expect(error == .unknownModelType("mamba", known: ConfigJSON.knownTypes, file: "config.json"))
    #expect(error?.description.contains("mamba") == true && error?.description.contains("qwen3_moe") == true)
  }

  @Test func `a configuration without model type is refused`() throws {
    let error = #expect(throws: ConfigError.self) { try ConfigJSON(["hidden_size": 64], file: "config.json") }
    #expect(error == .missing(field: "model_type", file: "config.json"))
    let nested = #expect(throws: ConfigError.self) { try ConfigJSON(["model_type": "gemma3"], file: "config.json") }
    #expect(nested == .missing(field: "text_config", file: "config.json"))
  }

  @Test func `mixtures with dense layers between are refused`() throws {
    let step = #expect(throws: ConfigError.self) {
      try Self.with(["model_type": "qwen3_moe", "decoder_sparse_step": 2])
    }
    #expect(step?.description.contains("decoder_sparse_step") == true)
    let list = #expect(throws: ConfigError.self) { try Self.with(["model_type": "qwen3_moe", "mlp_only_layers": [0]]) }
    #expect(list?.description.contains("mlp_only_layers") == true)
  }

  // MARK: Spellings

  @Test func `integers may be written as floating-point numbers`() throws {
    let spec = try Self.with(["vocab_size": 1e5, "hidden_size": 64.0, "rope_theta": 10000])
    #expect(spec.vocabularySize == 100_000 && spec.hiddenSize == 64)
    let text = #"{"model_type": "llama", "vocab_size": 1e5, "rope_theta": 1E+6, "rms_norm_eps": 1e-05}"#
    let parsed = try Self.parse(text)
    #expect(parsed.vocabularySize == 100_000 && parsed.normalization.epsilon == 1e-5)
    #expect(parsed.positions == .rotary(RotarySpec(theta: 1e6)))
  }

  static let llama3: [String: JSONValue] = [
    "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192,
  ]

  @Test(
    arguments: [
      ["rope_theta": 500000, "rope_scaling": .object(llama3.merging(["rope_type": "llama3"]) { $1 })],
      ["rope_theta": 500000, "rope_scaling": .object(llama3.merging(["type": "llama3"]) { $1 })],
      ["rope_parameters": .object(llama3.merging(["rope_type": "llama3", "rope_theta": 500000]) { $1 })],
      [
        "rope_parameters": .object(llama3.merging(["rope_type": "llama3", "rope_theta": 5e5]) { $1 }), "rope_theta": 1,
      ],
    ] as [[String: JSONValue]])
  func `both spellings of the rotary embedding mean the same`(spelling: [String: JSONValue]) throws {
    let scaling = RotarySpec.Scaling.llama3(
      factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 8192)
    #expect(try Self.with(spelling).positions == .rotary(RotarySpec(theta: 500000, scaling: scaling)))
  }

  static let rules: [(JSONValue, RotarySpec.Scaling)] = [
    (.null, .none), (["rope_type": "default"], .none), (["type": "linear", "factor": 4], .linear(factor: 4)),
    (["rope_type": "yarn", "factor": 4], .other("yarn")), (["type": "su"], .other("su")),
  ]

  @Test(arguments: rules)
  func `a scaling rule is known by its name`(value: JSONValue, scaling: RotarySpec.Scaling) throws {
    #expect(try Self.with(["rope_scaling": value]).positions == .rotary(RotarySpec(theta: 10000, scaling: scaling)))
  }

  @Test func `the share of a head that is rotated has three spellings`() throws {
    let neoX: [String: JSONValue] = ["model_type": "gpt_neox", "rotary_pct": 0.5, "rotary_emb_base": 20000]
    #expect(try Self.with(neoX).positions == .rotary(RotarySpec(theta: 20000, rotatedShare: 0.5)))
    let phi: [String: JSONValue] = ["model_type": "phi", "partial_rotary_factor": 0.4]
    #expect(try Self.with(phi).positions == .rotary(RotarySpec(theta: 10000, rotatedShare: 0.4)))
    let new: [String: JSONValue] = [
      "model_type": "phi3", "rope_parameters": ["rope_theta": 10000, "partial_rotary_factor": 0.75],
    ]
    #expect(try Self.with(new).positions == .rotary(RotarySpec(theta: 10000, rotatedShare: 0.75)))
  }

  @Test func `Gemma 3 nests its decoder, and its rotary embedding by layer type`() throws {
    let config: JSONValue = [
      "model_type": "gemma3", "torch_dtype": "bfloat16", "vision_config": ["hidden_size": 1152],
      "text_config": [
        "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
        "sliding_window": 1024,
        "rope_parameters": [
          "full_attention": ["rope_type": "linear", "factor": 8, "rope_theta": 1_000_000],
          "sliding_attention": ["rope_type": "default", "rope_theta": 10000],
        ],
      ],
    ]
    let read = try ConfigJSON(config, file: "config.json")
    // The published config.json of the 4B leaves these to the class: 8 heads, 4 for keys, 262208 tokens.
    #expect(read.spec.parameterCount == 3_880_263_168)
    #expect(read.spec.positions == .rotary(RotarySpec(theta: 1e6, scaling: .linear(factor: 8))))
    #expect(read.spec.checkpointFormat == .bf16 && read.spec.tiesEmbeddings)
    #expect(read.defaulted == ["vocab_size", "num_attention_heads", "num_key_value_heads"])
    let bad: JSONValue = ["model_type": "gemma3", "text_config": ["hidden_size": -3]]
    let error = #expect(throws: ConfigError.self) { try ConfigJSON(bad, file: "config.json") }
    #expect(error?.description.contains("text_config.hidden_size") == true)
  }

  @Test func `sliding windows follow each family's rule`() throws {
    #expect(try Self.with(["model_type": "mistral"]).attention.slidingWindow == 4096)
    #expect(try Self.with(["model_type": "mistral", "sliding_window": nil]).attention.slidingWindow == nil)
    #expect(try Self.with(["model_type": "qwen2", "sliding_window": 128]).attention.slidingWindow == nil)
    let used: [String: JSONValue] = ["model_type": "qwen2", "sliding_window": 128, "use_sliding_window": true]
    #expect(try Self.with(used).attention.slidingWindow == 128)
    #expect(try Self.with(["sliding_window": 128]).attention.slidingWindow == nil)
  }

  @Test(
    arguments: [
      ("float32", "fp32"), ("torch.bfloat16", "bf16"), ("float16", "fp16"), ("float8_e4m3fn", "fp8"), ("auto", nil),
    ] as [(String, String?)])
  func `the checkpoint's format is read in both spellings`(name: String, format: String?) throws {
    #expect(try Self.with(["torch_dtype": .string(name)]).checkpointFormat?.rawValue == format)
    #expect(try Self.with(["dtype": .string(name)]).checkpointFormat?.rawValue == format)
  }

  @Test func `a quantized checkpoint says with what`() throws {
    let config = Self.small.merging(["quantization_config": ["quant_method": "gptq", "bits": 4]]) { $1 }
    #expect(try ConfigJSON(.object(config), file: "config.json").quantizedWith == "gptq")
  }
}
