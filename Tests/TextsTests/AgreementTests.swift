import Testing
import Texts

/// What differs between a tokenizer and the `tokenizers` library, told string by string.
func disagreements(_ tokenizer: Tokenizer, _ expected: Golden.Expected, _ strings: [String]) -> [String] {
  var found: [String] = []
  for (index, string) in strings.enumerated() {
    let ids = tokenizer.encode(string, addSpecialTokens: false)
    if ids != expected.ids[index] { found.append("ids of \(string.debugDescription): \(ids) ≠ \(expected.ids[index])") }
    let decoded = tokenizer.decode(expected.ids[index])
    if Array(decoded.unicodeScalars) != Array(expected.decoded[index].unicodeScalars) {
      found.append("text of \(string.debugDescription): \(decoded.debugDescription)")
    }
  }
  for (string, framed) in zip(strings, expected.framed) where tokenizer.encode(string) != framed {
    found.append("framed \(string.debugDescription): \(tokenizer.encode(string)) ≠ \(framed)")
  }
  let first = strings.count - 160
  for (index, skipped) in expected.skipped.enumerated() {
    let text = tokenizer.decode(expected.ids[first + index], skipSpecialTokens: true)
    if Array(text.unicodeScalars) != Array(skipped.unicodeScalars) {
      found.append("skipping, \(strings[first + index].debugDescription): \(text.debugDescription)")
    }
  }
  return found
}

@Suite struct `Agreement with the tokenizers library` {
  @Test(arguments: [
    "gpt2", "gpt2_prefix_space", "llama3", "smollm2", "qwen2", "tekken", "llama2", "mistral", "metaspace_unknown",
    "gemma",
  ])
  func `every string has the same ids and the same text`(name: String) throws {
    let strings = try Golden.strings()
    #expect(strings.count >= 150)
    let expected = try Golden.read(Golden.Expected.self, "\(name).expected.json")
    let found = disagreements(try Golden.tokenizer(name), expected, strings)
    #expect(found.isEmpty, "\(found.count) disagreements:\n\(found.prefix(12).joined(separator: "\n"))")
  }

  @Test func `a GGUF vocabulary with scores encodes as transformers has it`() throws {
    struct Fields: Decodable {
      let tokens: [String]
      let scores: [Float]
      let token_type: [Int]
    }
    let file = try Golden.read(Fields.self, "gguf_scored.fields.json")
    var fields = GGUFTokenizerFields(model: "llama", tokens: file.tokens)
    fields.scores = file.scores
    fields.tokenTypes = file.token_type
    (fields.beginningID, fields.endID, fields.unknownID, fields.addsBeginning) = (1, 2, 0, false)
    let expected = try Golden.read(Golden.Expected.self, "gguf_scored.expected.json")
    let found = disagreements(try Tokenizer(fields), expected, try Golden.strings())
    #expect(found.isEmpty, "\(found.count) disagreements:\n\(found.prefix(12).joined(separator: "\n"))")
  }

  @Test(arguments: [
    ("letter", ScalarTraits.letter), ("number", .number), ("space", .whitespace), ("mark", .mark),
    ("upper", .uppercase), ("lower", .lowercase),
  ])
  func `every scalar is in the same class`(name: String, traits: ScalarTraits) throws {
    // First and last scalar of each range, one pair after the other.
    let bounds = try #require(try Golden.read([String: [UInt32]].self, "classes.json")[name])
    var inside = Set<UInt32>()
    for index in stride(from: 0, to: bounds.count, by: 2) { inside.formUnion(bounds[index]...bounds[index + 1]) }
    var differing: [String] = []
    for value in UInt32(1)..<0x110000 {
      guard let scalar = Unicode.Scalar(value) else { continue }
      if ScalarTraits(of: scalar).isDisjoint(with: traits) == inside.contains(value) {
        differing.append("U+" + String(value, radix: 16))
      }
    }
    #expect(differing.isEmpty, "\(differing.count): \(differing.prefix(10))")
  }
}
