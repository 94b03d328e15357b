import Modeling
import Planning

/// Probes of SmolLM2-135M (hidden 576, vocabulary 49 152) that really ran on a CPU.
///
/// They are scripts of `plimsoll probe smollm2-135m --seq 128`, run by `python3 FILE --steps 2 --device cpu` with torch
/// 2.15, transformers 5.23, peft 0.21.2, trl 1.16 and bitsandbytes 0.50.2. Each counts the bytes of all live tensors
/// with 1, 2 and 3 layers.
enum Recordings {
  static let folder =
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/Recordings/"

  static func named(_ name: String) throws -> ProbeRecording { try ProbeRecording(path: path(name)) }

  static func path(_ name: String) -> String { folder + name + ".json" }

  static func value(_ name: String) throws -> JSONValue {
    try JSONValue(parsing: JSONValue.bytes(ofFile: path(name)))
  }

  static func reading(_ value: JSONValue) throws(ProbeError) -> ProbeRecording {
    try ProbeRecording(Array(value.text().utf8), file: "probe.json")
  }
}

extension JSONValue {
  /// The same document with the value of `key` replaced, wherever an object at `depth` of `layers` has it.
  func mapping(_ change: ([String: JSONValue], _ layers: Int?) -> [String: JSONValue], layers: Int? = nil) -> JSONValue
  {
    switch self {
    case .array(let elements): return .array(elements.map { $0.mapping(change, layers: layers) })
    case .object(let members):
      let layers = members["layers"]?.integerValue ?? layers
      return .object(change(members, layers).mapValues { $0.mapping(change, layers: layers) })
    default: return self
    }
  }
}
