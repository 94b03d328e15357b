import Foundation
import Testing

@Suite(.serialized) struct `plimsoll demo` {
  private static let config = Data(
    """
    {"model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
     "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 512, "max_position_embeddings": 128,
     "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "hidden_act": "silu"}
    """.utf8)

  /// Those of the usual methods that `check` accepts, and no other, are run; and the books of all of them balance.
  @Test func `runs the methods that the engine runs, and writes its files`() throws {
    try Scratch.with("config.json", Self.config) { path in
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent("Reports")
      let outcome = try Program.run("demo", "--model", path, "--seq", "32", "--reports", folder.path)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let page = try String(contentsOf: folder.appendingPathComponent("demo.md"), encoding: .utf8)
      #expect(page.contains("All books balance"))
      let table = try String(contentsOf: folder.appendingPathComponent("demo.csv"), encoding: .utf8)
      let methods = Set(
        table.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("#") }.dropFirst()
          .compactMap { $0.split(separator: ",").first.map(String.init) })
      var accepted: Set<String> = []
      for (name, flags) in [
        ("full", ["full"]), ("freeze", ["freeze"]), ("lora", ["lora"]), ("dora", ["dora"]),
        ("int8", ["qlora", "--quant", "int8"]), ("qlora", ["qlora"]),
      ] {
        let check = try Program.run(
          ["check", path, "--seq", "32", "--steps", "1", "--threads", "1", "--method"] + flags)
        #expect([0, 64].contains(check.status), "\(name): \(check.errors)")
        if check.status == 0 { accepted.insert(name) }
      }
      #expect(methods == accepted)
      #expect(accepted.isSuperset(of: ["full", "lora", "qlora"]))
    }
  }
}
