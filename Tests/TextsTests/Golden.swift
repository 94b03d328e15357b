import Foundation
import Testing
import Texts

/// The resources that the Python scripts beside them wrote.
enum Golden {
  static func bytes(_ name: String) throws -> [UInt8] {
    let url = try #require(
      Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Resources"), "no resource \(name)")
    return Array(try Data(contentsOf: url))
  }

  /// Decodes a resource; the decoder keeps array elements exact, which is all that the goldens need.
  static func read<Value: Decodable>(_ type: Value.Type = Value.self, _ name: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(try bytes(name)))
  }

  /// The strings that every tokenizer was given.
  static func strings() throws -> [String] { try read([String].self, "strings.json") }

  /// What the `tokenizers` library made of the strings.
  struct Expected: Decodable {
    let ids: [[Int32]]
    /// With special tokens, of the first strings.
    let framed: [[Int32]]
    let decoded: [String]
    /// Decoded without special tokens, of the strings before the last hundred.
    let skipped: [String]
  }

  static func tokenizer(_ name: String) throws -> Tokenizer {
    try Tokenizer(definition: try bytes("\(name).tokenizer.json"))
  }
}
