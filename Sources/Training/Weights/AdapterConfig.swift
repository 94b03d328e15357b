public import Modeling

/// PEFT's `adapter_config.json` of a LoRA adapter.
///
/// Source: peft `tuners/lora/config.py`, `LoraConfig`, and `config.py`, `PeftConfigMixin`.
public struct AdapterConfig: Hashable, Sendable {
  public static let fileName = "adapter_config.json"

  /// Rank, scale, dropout and targets; a rank-stabilized adapter's alpha is α·√r, so that alpha/rank is its α/√r.
  public let lora: LoRA
  /// What the adapter was trained on, as its maker called it.
  public let baseModel: String?

  public init(lora: LoRA, baseModel: String?) {
    self.lora = lora
    self.baseModel = baseModel
  }

  // MARK: Reading

  /// Reads a configuration, and refuses whatever makes an adapter compute something else than W + scale·B·A.
  public init(path: String) throws(AdapterError) {
    let bytes: [UInt8]
    do { bytes = try JSONValue.bytes(ofFile: path) } catch { throw .file(error) }
    let document: JSONValue
    do { document = try JSONValue(parsing: bytes) } catch { throw .notJSON(error, file: path) }
    let fields = Fields(document: document, file: path)
    try fields.refuseOtherKinds()
    let rank = try fields.required("r", \.integerValue, "an integer")
    let alpha = try fields.required("lora_alpha", \.doubleValue, "a number")
    let isStabilized = document["use_rslora"] == .bool(true)
    let scaled = isStabilized ? alpha * Double(max(rank, 0)).squareRoot() : alpha
    do {
      lora = try LoRA(
        rank: rank, alpha: scaled, dropout: document["lora_dropout"]?.doubleValue ?? 0,
        targets: try fields.targets())
    } catch let error as RecipeError { throw .recipe(error, file: path) } catch let error as AdapterError {
      throw error
    } catch { throw fields.wrong("target_modules", "a list of names") }
    baseModel = document["base_model_name_or_path"]?.stringValue
  }

  private struct Fields {
    let document: JSONValue
    let file: String

    func wrong(_ field: String, _ expected: String) -> AdapterError {
      .wrongField(field, found: document[field]?.text() ?? "absent", expected: expected, file: file)
    }

    func required<Value>(
      _ field: String, _ value: (JSONValue) -> Value?, _ expected: String
    ) throws(AdapterError) -> Value {
      guard let found = document[field].flatMap(value) else { throw wrong(field, expected) }
      return found
    }

    func targets() throws(AdapterError) -> LoRA.Targets {
      if document["target_modules"]?.stringValue == "all-linear" { return .allLinear }
      let names = document["target_modules"]?.arrayValue?.compactMap(\.stringValue) ?? []
      guard !names.isEmpty, names.count == document["target_modules"]?.arrayValue?.count else {
        throw wrong("target_modules", "a list of names or \"all-linear\"")
      }
      return .modules(names.sorted())
    }

    func refuseOtherKinds() throws(AdapterError) {
      guard document["peft_type"]?.stringValue == "LORA" else { throw wrong("peft_type", "\"LORA\"") }
      let reasons: [(String, [JSONValue], String)] = [
        ("use_dora", [false], "adapters with a magnitude of their own are not known here"),
        ("bias", ["none"], "biases that train along are not known here"),
        ("lora_bias", [false], "adapters with a bias are not known here"),
        ("fan_in_fan_out", [false], "weights stored the other way round are not known here"),
        ("modules_to_save", [[]], "modules that train whole beside the adapters are not known here"),
        ("rank_pattern", [[:]], "all adapters must have one rank"),
        ("alpha_pattern", [[:]], "all adapters must have one scale"),
        ("target_parameters", [[]], "adapters on bare parameters are not known here"),
        ("trainable_token_indices", [[]], "tokens that train along are not known here"),
        ("layer_replication", [[]], "repeated layers are not known here"),
      ]
      // Variants that PEFT switches on by a field of their own.
      let variants = [
        "use_qalora", "use_bdlora", "alora_invocation_tokens", "arrow_config", "kasa_config", "lora_ga_config",
        "monteclora_config", "corda_config",
      ].map { ($0, [false] as [JSONValue], "this variant of LoRA is not known here") }
      for (field, harmless, reason) in reasons + variants {
        guard let value = document[field], value != .null, !harmless.contains(value) else { continue }
        throw .unsupported(field, value: value.text(), reason: reason, file: file)
      }
      // PiSSA, LoftQ, OLoRA and CorDA take their first adapter out of the base's weights, which then are others.
      let start = document["init_lora_weights"]?.stringValue ?? ""
      if !["", "gaussian", "eva", "orthogonal"].contains(start) {
        throw .unsupported(
          "init_lora_weights", value: "\"\(start)\"", reason: "its base is not the published one", file: file)
      }
    }
  }

  // MARK: Writing

  /// The file's text; the targets are the names that PEFT matches modules by.
  func text(targets: [String]) -> String {
    let alpha = Int(exactly: lora.alpha).map(JSONValue.integer) ?? .number(lora.alpha)
    let document: JSONValue = [
      "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": .integer(lora.rank), "lora_alpha": alpha,
      "lora_dropout": .number(lora.dropout), "target_modules": .array(targets.map(JSONValue.string)), "bias": "none",
      "base_model_name_or_path": baseModel.map(JSONValue.string) ?? nil, "revision": nil, "inference_mode": true,
      "fan_in_fan_out": false, "init_lora_weights": true, "use_rslora": false, "use_dora": false,
      "modules_to_save": nil, "rank_pattern": [:], "alpha_pattern": [:], "layers_to_transform": nil,
      "layers_pattern": nil,
    ]
    return document.text(indent: 2) + "\n"
  }
}
