import Modeling
import Testing

@Suite struct `Reading JSON` {
  static func error(_ text: String) -> JSONError? {
    do {
      _ = try ConfigJSON(bytes: Array(text.utf8), file: "config.json")
      return nil
    } catch {
      if case .notJSON(let reason, "config.json") = error { return reason }
      return nil
    }
  }

  @Test func `a duplicate key is refused with its place`() {
    let error = Self.error("{\"model_type\": \"llama\",\n  \"vocab_size\": 1,\n  \"vocab_size\": 2}")
    #expect(error == .duplicateKey("vocab_size", at: JSONPosition(line: 3, column: 3)))
  }

  @Test func `a text cut off anywhere is refused`() {
    let text = #"{"model_type": "llama", "list": [1, -2.5e3, true, null, "a\n\u00e4"], "inner": {"x": {}}}"#
    for length in 0..<text.utf8.count {
      let part = String(decoding: text.utf8.prefix(length), as: UTF8.self)
      #expect(Self.error(part) != nil, "cut after \(length) bytes")
    }
    #expect(Self.error(text) == nil)
  }

  @Test(arguments: [
    "", "   ", "{", "[1,]", "{\"a\":1,}", "{a: 1}", "{'a': 1}", "{\"a\" 1}", "{\"a\": 01}", "{\"a\": 1.}",
    "{\"a\": .5}",
    "{\"a\": +1}", "{\"a\": 1e}", "{\"a\": -}", "{\"a\": tru}", "{\"a\": nul}", "{} {}", "{\"a\": \"\\x\"}",
    "{\"a\": \"\\u12g4\"}", "{\"a\": \"\\ud800\"}", "{\"a\": \"\\udc00\"}", "{\"a\": \"\\ud800\\u0041\"}",
    "{\"a\": \"\t\"}", "\u{FEFF}{}",
    "// no\n{}",
  ])
  func `what is no JSON is refused`(text: String) {
    #expect(Self.error(text) != nil)
  }

  @Test func `nesting of any depth is refused and does not crash`() {
    for opening in ["[", "{\"a\":"] {
      guard case .nestedTooDeeply = Self.error(String(repeating: opening, count: 100_000)) else {
        Issue.record("nesting was not noticed")
        return
      }
    }
    let deep = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
    #expect(Self.error("{\"model_type\": \"llama\", \"x\": \(deep)}") == nil)
  }

  @Test func `bytes that are no UTF-8 are refused`() {
    let error = #expect(throws: ConfigError.self) {
      try ConfigJSON(bytes: Array("{\"model_type\": \"".utf8) + [0xFF, 0x22, 0x7D], file: "config.json")
    }
    guard case .notJSON(.invalidString, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func `escapes and Python's numbers are read`() throws {
    let text =
      #"{"model_type": "ll\u0061m\u0061", "_name_or_path": "x\/\ud83d\udea2\t", "loss": NaN, "most": -Infinity}"#
    let spec = try ConfigJSON(bytes: Array(text.utf8), file: "config.json").spec
    #expect(spec.name == "🚢\t")
  }

  @Test func `a document that is no object is refused`() {
    let error = #expect(throws: ConfigError.self) { try ConfigJSON(bytes: Array("[1]".utf8), file: "config.json") }
    #expect(error == .notAnObject(found: "a list of 1", file: "config.json"))
  }

  @Test func `random bytes are refused or read and never crash`() {
    var generator = SeededGenerator(seed: 7)
    let valid = Array(
      #"{"model_type": "llama", "vocab_size": 1e5, "rope_scaling": {"type": "linear", "factor": 2}}"#.utf8)
    for _ in 0..<5000 {
      var bytes = valid
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      // Whatever is thrown is a ConfigError: the initializer throws nothing else.
      if let spec = try? ConfigJSON(bytes: bytes, file: "config.json").spec { #expect(spec.parameterCount > 0) }
    }
  }
}
