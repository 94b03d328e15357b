import Foundation
import Testing

/// A Llama with random weights and a real tokenizer of 900 tokens, and examples for it, in a folder of its own.
final class TinyCheckpoint {
  let folder: URL
  var model: String { self["model"] }
  var data: String { self["data.jsonl"] }

  subscript(name: String) -> String { folder.appendingPathComponent(name).path }

  init(examples: Int = 24) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("plimsoll-" + UUID().uuidString)
    let model = folder.appendingPathComponent("model")
    try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
    try JSONSerialization.data(withJSONObject: Self.config).write(to: model.appendingPathComponent("config.json"))
    try Self.weights().write(to: model.appendingPathComponent("model.safetensors"))
    try FileManager.default.copyItem(at: Self.tokenizer, to: model.appendingPathComponent("tokenizer.json"))
    try write(Self.lines(examples), to: "data.jsonl")
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func write(_ lines: [String], to name: String) throws {
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: folder.appendingPathComponent(name))
  }

  /// The lines of a file of metrics or the like; none where there is no file.
  func lines(of name: String) -> [String] {
    (try? String(contentsOfFile: self[name], encoding: .utf8))?.split(separator: "\n").map(String.init) ?? []
  }

  /// `plimsoll run` on the model and its examples, with one thread, since a step takes less than a millisecond.
  func run(_ flags: String..., model: String? = nil, data: String? = nil) throws -> Program.Outcome {
    try Program.run(arguments(flags, model: model, data: data))
  }

  func arguments(_ flags: [String], model: String? = nil, data: String? = nil) -> [String] {
    let common = (flags.contains("full") ? [] : ["--rank", "4"]) + ["--threads", "1"]
    return ["run", model ?? self.model, "--data", data ?? self.data] + common + flags
  }

  /// Sums with their results: short, and no two alike.
  static func lines(_ count: Int) -> [String] {
    (0..<count).map { #"{"prompt": "What is \#($0) plus \#($0 + 1)?", "completion": " It is \#(2 * $0 + 1)."}"# }
  }

  private static let (hidden, intermediate, vocabulary, keys) = (32, 64, 900, 16)

  private static var config: [String: Any] {
    [
      "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": hidden,
      "intermediate_size": intermediate, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
      "vocab_size": vocabulary, "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "tie_word_embeddings": false,
      "hidden_act": "silu", "rope_theta": 10_000,
    ]
  }

  /// Built for the tests of the tokenizer; 900 tokens.
  private static var tokenizer: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("TextsTests/Resources/smollm2.tokenizer.json")
  }

  /// A safetensors file: eight bytes of length, a header in JSON, and the numbers in fp32.
  private static func weights() throws -> Data {
    var shapes: [(String, [Int])] = [("model.embed_tokens.weight", [vocabulary, hidden])]
    for layer in 0..<2 {
      shapes += [
        ("input_layernorm", [hidden]), ("self_attn.q_proj", [hidden, hidden]), ("self_attn.k_proj", [keys, hidden]),
        ("self_attn.v_proj", [keys, hidden]), ("self_attn.o_proj", [hidden, hidden]),
        ("post_attention_layernorm", [hidden]), ("mlp.gate_proj", [intermediate, hidden]),
        ("mlp.up_proj", [intermediate, hidden]), ("mlp.down_proj", [hidden, intermediate]),
      ].map { ("model.layers.\(layer).\($0).weight", $1) }
    }
    shapes += [("model.norm.weight", [hidden]), ("lm_head.weight", [vocabulary, hidden])]
    var header: [String: Any] = [:]
    var numbers = Data()
    var state: UInt64 = 1
    for (name, shape) in shapes {
      let start = numbers.count
      for _ in 0..<shape.reduce(1, *) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        // Norms are one; all else is even between -0.15 and 0.15.
        let value: Float = shape.count == 1 ? 1 : (Float(state >> 40) / Float(1 << 24) - 0.5) * 0.3
        withUnsafeBytes(of: value.bitPattern.littleEndian) { numbers.append(contentsOf: $0) }
      }
      header[name] = ["dtype": "F32", "shape": shape, "data_offsets": [start, numbers.count]]
    }
    let text = try JSONSerialization.data(withJSONObject: header)
    var file = Data()
    withUnsafeBytes(of: UInt64(text.count).littleEndian) { file.append(contentsOf: $0) }
    return file + text + numbers
  }
}

extension Program.Outcome {
  /// Standard output as one JSON object a line.
  func lineObjects() throws -> [[String: Any]] { try output.split(separator: "\n").map { try jsonObject($0) } }
}

/// A line of JSON as an object.
func jsonObject(_ line: some StringProtocol) throws -> [String: Any] {
  try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
}
