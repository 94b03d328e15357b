import Foundation
import Testing

@Suite struct `Input files` {
  private static let flags = ["--stack", "plimsoll", "--seq", "32", "--vram", "8GB"]

  /// The config of a small model, with one field changed or left out.
  private static func config(_ field: String? = nil, _ value: Any? = nil) throws -> Data {
    var fields: [String: Any] = [
      "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
      "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 1000, "max_position_embeddings": 512,
      "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "hidden_act": "silu",
    ]
    if let field { fields[field] = value }
    return try JSONSerialization.data(withJSONObject: fields)
  }

  @Test func `a config.json is a model`() throws {
    try Scratch.with("config.json", Self.config()) { path in
      let object = try Program.run(["fit", path, "--format", "json"] + Self.flags).object()
      let model = try #require(object["model"] as? [String: Any])
      // 2 × (2·64² + 2·64·32 + 3·64·128 + 2·64) + 2·1000·64 + 64.
      #expect(model["parameters"] as? Int == 202_048)
    }
  }

  @Test(arguments: ["config.json", "model.safetensors", "model.gguf", ""])
  func `what is not there ends with 66`(name: String) throws {
    let path = "/no/such/folder/" + name
    let outcome = try Program.run(["fit", path] + Self.flags)
    #expect(outcome.status == 66)
    #expect(outcome.firstError.hasPrefix("plimsoll: "))
    #expect(outcome.firstError.contains("/no/such/folder/"))
    #expect(outcome.errors.split(separator: "\n").count == 1)
    #expect(outcome.output.isEmpty)
  }

  @Test func `a folder without a model ends with 66`() throws {
    try Scratch.with("notes.txt", Data("nothing".utf8)) { path in
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
      let outcome = try Program.run(["fit", folder + "/"] + Self.flags)
      #expect(outcome.status == 66)
      #expect(outcome.firstError.contains("holds no config.json"))
      #expect(outcome.output.isEmpty)
    }
  }

  @Test(arguments: [("hidden_size", -64), ("hidden_size", 0), ("num_hidden_layers", 1 << 40), ("vocab_size", .max)])
  func `an absurd size in config.json ends with 65 and names the field`(field: String, value: Int) throws {
    try Scratch.with("config.json", Self.config(field, value)) { path in
      let outcome = try Program.run(["fit", path] + Self.flags)
      #expect(outcome.status == 65)
      #expect(outcome.firstError.contains(field), "\(outcome.errors)")
      #expect(outcome.output.isEmpty)
    }
  }

  @Test func `a field of another type ends with 65 and names the field`() throws {
    try Scratch.with("config.json", Self.config("num_hidden_layers", "many")) { path in
      let outcome = try Program.run(["fit", path] + Self.flags)
      #expect(outcome.status == 65)
      #expect(outcome.firstError.contains("num_hidden_layers"), "\(outcome.errors)")
      #expect(outcome.output.isEmpty)
    }
  }

  @Test func `a field that is left out is listed under what was assumed`() throws {
    try Scratch.with("config.json", Self.config("num_hidden_layers", nil)) { path in
      let object = try Program.run(["fit", path, "--format", "json"] + Self.flags).object()
      let assumptions = try #require(object["assumptions"] as? [String])
      #expect(assumptions.contains { $0.contains("num_hidden_layers") }, "\(assumptions)")
    }
  }

  @Test(arguments: ["", "{", "[]", "null", "{\"model_type\": \"llama\"", "\u{0}\u{0}", "{\"model_type\": \"abacus\"}"])
  func `a config.json that is none ends with 65`(text: String) throws {
    try Scratch.with("config.json", Data(text.utf8)) { path in
      let outcome = try Program.run(["fit", path] + Self.flags)
      #expect(outcome.status == 65)
      #expect(outcome.firstError.contains("config.json"), "\(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1)
      #expect(outcome.output.isEmpty)
    }
  }

  /// Eight bytes of length, then a header that announces more than the file holds.
  @Test(arguments: [
    Data(), Data([1, 2, 3]), Data([255, 0, 0, 0, 0, 0, 0, 0, 123, 125]), Data(repeating: 255, count: 64),
  ])
  func `a safetensors file cut short ends with 65`(bytes: Data) throws {
    try Scratch.with("model.safetensors", bytes) { path in
      let outcome = try Program.run(["fit", path] + Self.flags)
      #expect(outcome.status == 65)
      #expect(outcome.firstError.contains("model.safetensors"), "\(outcome.errors)")
      #expect(outcome.output.isEmpty)
    }
  }

  @Test(arguments: [Data(), Data("GGUF".utf8), Data([71, 71, 85, 70, 3, 0, 0, 0]), Data(repeating: 7, count: 64)])
  func `a GGUF file cut short ends with 65`(bytes: Data) throws {
    try Scratch.with("model.gguf", bytes) { path in
      let outcome = try Program.run(["fit", path] + Self.flags)
      #expect(outcome.status == 65)
      #expect(outcome.firstError.hasPrefix("plimsoll: "), "\(outcome.errors)")
      #expect(outcome.output.isEmpty)
    }
  }

  @Test func `a model that nobody knows is answered with the nearest`() throws {
    let outcome = try Program.run(["fit", "lama-2-7b"] + Self.flags)
    #expect(outcome.status == 64)
    #expect(outcome.firstError.contains("did you mean llama-2-7b"), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }

  @Test func `a size alone says which model it stands for`() throws {
    let object = try Program.run(["fit", "7b", "--format", "json"] + Self.flags).object()
    #expect((object["model"] as? [String: Any])?["name"] as? String == "llama-2-7b")
    let assumptions = try #require(object["assumptions"] as? [String])
    #expect(assumptions.contains { $0.contains("7b") && $0.contains("llama-2-7b") })
  }
}
