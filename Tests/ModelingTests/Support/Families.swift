import Foundation
import Modeling
import Testing

/// What Transformers itself makes of small configurations, as `Resources/make.py` wrote it down.
struct Families: Decodable {
  let families: [Family]
  let defaults: [String: Defaults]

  static let recorded: Families = {
    do {
      return try JSONDecoder().decode(Families.self, from: Data(Resources.bytes("families.json")))
    } catch {
      preconditionFailure("families.json cannot be read: \(error)")
    }
  }()

  struct Family: Decodable, CustomTestStringConvertible {
    let name: String
    /// What was passed to the configuration class.
    let config: Document
    /// The `config.json` that Transformers 5 saved.
    let saved: Document
    /// The shape of every tensor in the checkpoint that it saved.
    let tensors: [String: [Int]]

    var testDescription: String { name }
  }

  struct Defaults: Decodable {
    let parameters: Int
    let positions: Int
    let heads: Int
    let layers: Int
    let epsilon: Double
    let tied: Bool
  }
}

/// A JSON document in the terms of the readers under test.
struct Document: Decodable {
  let value: JSONValue

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      value = .null
    } else if let flag = try? container.decode(Bool.self) {
      value = .bool(flag)
    } else if let integer = try? container.decode(Int.self) {
      value = .integer(integer)
    } else if let number = try? container.decode(Double.self) {
      value = .number(number)
    } else if let text = try? container.decode(String.self) {
      value = .string(text)
    } else if let elements = try? container.decode([Document].self) {
      value = .array(elements.map(\.value))
    } else {
      value = .object(try container.decode([String: Document].self).mapValues(\.value))
    }
  }
}
