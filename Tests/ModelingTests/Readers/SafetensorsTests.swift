import Bookkeeping
import Modeling
import Testing

@Suite struct `Reading safetensors headers` {
  /// A file with this header and so many bytes of data.
  static func file(_ header: String, data: Int) -> [UInt8] {
    let text = Array(header.utf8)
    let length = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
    return length + text + [UInt8](repeating: 0, count: data)
  }

  static func error(_ header: String, data: Int) -> SafetensorsError? { error(file(header, data: data)) }

  static func error(_ bytes: [UInt8]) -> SafetensorsError? {
    do {
      _ = try SafetensorsHeader(bytes: bytes, name: "x.safetensors")
      return nil
    } catch {
      return error
    }
  }

  static func tensor(_ name: String, _ type: String, _ shape: [Int], _ range: Range<Int>) -> String {
    "\"\(name)\": {\"dtype\": \"\(type)\", \"shape\": \(shape), \"data_offsets\": [\(range.lowerBound), \(range.upperBound)]}"
  }

  @Test(arguments: ["qwen3", "llama", "gemma3"])
  func `a file of the safetensors library lists the tensors that went in`(name: String) throws {
    let header = try SafetensorsHeader(path: Resources.path(name + ".safetensors"))
    let family = try #require(Families.recorded.families.first { $0.name == (name == "gemma3" ? "gemma3_text" : name) })
    let listed = Dictionary(uniqueKeysWithValues: header.tensors.map { ($0.name, $0.shape.extents) })
    #expect(listed == family.tensors)
    #expect(header.tensors.allSatisfy { $0.elementType == .fp16 && $0.byteRange.count == 2 * $0.shape.count })
    #expect(header.metadata == ["format": "pt"])
    let size = try Resources.bytes(name + ".safetensors").count
    #expect(header.tensors.last?.byteRange.upperBound == size)
  }

  @Test func `scalars, empty tensors and odd types are sound`() throws {
    let text =
      "{" + Self.tensor("scalar", "F32", [], 0..<4) + "," + Self.tensor("none", "I64", [0, 5], 4..<4) + ","
      + Self.tensor("half", "F4", [3], 4..<6) + "," + Self.tensor("six", "F6_E2M3", [4], 6..<9) + "}   "
    let header = try SafetensorsHeader(bytes: Self.file(text, data: 9), name: "x")
    #expect(header.tensors.map(\.shape.count) == [1, 0, 3, 4])
    #expect(header.tensors.map(\.elementType.format) == [.fp32, .int64, nil, nil])
  }

  @Test func `what the format forbids is refused by name`() {
    #expect(Self.error([1, 2, 3]) == .tooShort(file: "x.safetensors", size: 3))
    let endless: [UInt8] = [255, 255, 255, 255, 255, 255, 255, 255]
    #expect(Self.error(endless) == .headerTooLong(file: "x.safetensors", length: .max, limit: 100_000_000))
    #expect(Self.error([9, 0, 0, 0, 0, 0, 0, 0]) == .headerBeyondEnd(file: "x.safetensors", length: 9, size: 8))
    guard case .notJSON = Self.error("{", data: 0), case .malformed = Self.error("[]", data: 0),
      case .malformed = Self.error("{\"__metadata__\": {\"a\": 1}}", data: 0),
      case .wrongField("a", "dtype", _, _, _) = Self.error("{\"a\": {}}", data: 0),
      case .wrongField("a", "shape", _, _, _) = Self.error(
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [-1], \"data_offsets\": [0, 0]}}", data: 0),
      case .wrongField("a", "shape", _, _, _) = Self.error(
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [1.5], \"data_offsets\": [0, 0]}}", data: 0),
      case .wrongField("a", "data_offsets", _, _, _) = Self.error(
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 0]}}", data: 4),
      case .wrongField("a", "data_offsets", _, _, _) = Self.error(
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4]}}", data: 4)
    else {
      Issue.record("one of the refusals is another error")
      return
    }
    let name = "x.safetensors"
    #expect(
      Self.error("{" + Self.tensor("a", "Q9", [1], 0..<4) + "}", data: 4)
        == .unknownElementType("Q9", tensor: "a", file: name))
    #expect(
      Self.error("{" + Self.tensor("a", "F32", [2], 0..<4) + "}", data: 4)
        == .wrongByteCount(tensor: "a", stored: 4, needed: 8, file: name))
    #expect(
      Self.error("{" + Self.tensor("a", "F32", [2], 0..<8) + "}", data: 4)
        == .outsideFile(tensor: "a", end: 8, dataSize: 4, file: name))
    let large = Self.tensor("a", "F32", [1 << 40, 1 << 40], 0..<4)
    #expect(Self.error("{" + large + "}", data: 4) == .tooManyElements(tensor: "a", file: name))
    let pair = { (second: Range<Int>) in
      "{" + Self.tensor("a", "F32", [1], 0..<4) + "," + Self.tensor("b", "F32", [1], second) + "}"
    }
    #expect(Self.error(pair(0..<4), data: 4) == .overlap("a", "b", file: name))
    #expect(Self.error(pair(2..<6), data: 6) == .overlap("a", "b", file: name))
    #expect(Self.error(pair(8..<12), data: 12) == .unclaimedBytes(from: 4, to: 8, file: name))
    #expect(Self.error(pair(4..<8), data: 12) == .unclaimedBytes(from: 8, to: 12, file: name))
    #expect(Self.error(pair(4..<8), data: 8) == nil)
  }

  @Test func `a file cut off at any place is refused`() throws {
    let bytes = try Resources.bytes("qwen3.safetensors")
    for length in stride(from: 0, to: bytes.count, by: 16) {
      #expect(Self.error(Array(bytes.prefix(length))) != nil, "cut after \(length) bytes")
    }
  }

  @Test func `flipped bytes are refused or read and never crash`() throws {
    var generator = SeededGenerator(seed: 5)
    let valid = try Resources.bytes("qwen3.safetensors")
    let headerEnd = try #require(try SafetensorsHeader(bytes: valid, name: "x").tensors.first).byteRange.lowerBound
    for _ in 0..<2000 {
      var bytes = valid
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        bytes[Int.random(in: 0..<headerEnd, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      guard let header = try? SafetensorsHeader(bytes: bytes, name: "x") else { continue }
      #expect(header.tensors.count > 0)
      // Names may be damaged now: an architecture is found or a reason given.
      _ = try? SafetensorsCheckpoint(file: header).spec(name: "x")
    }
  }

  // MARK: Architecture from shapes

  @Test(arguments: ["qwen3", "gemma3"])
  func `norms of queries give the heads away`(name: String) throws {
    let checkpoint = try SafetensorsCheckpoint(path: Resources.path(name + ".safetensors"))
    let family = try #require(Families.recorded.families.first { $0.name == (name == "gemma3" ? "gemma3_text" : name) })
    let expected = try ConfigJSON(family.config.value, file: name).spec
    let (spec, assumed) = try checkpoint.spec(name: name)
    #expect(spec.parameters == expected.parameters)
    #expect(spec.attention == expected.attention)
    #expect(spec.checkpointFormat == .fp16)
    #expect(assumed.contains("rope_theta"))
  }

  @Test func `heads that no shape shows are asked for`() throws {
    let checkpoint = try SafetensorsCheckpoint(path: Resources.path("llama.safetensors"))
    let error = #expect(throws: SafetensorsError.self) { try checkpoint.spec(name: "llama") }
    let message = error?.description ?? ""
    #expect(message.contains("num_attention_heads") && message.contains("config.json"), "\(message)")
  }

  @Test func `a mixture's active experts are asked for`() throws {
    let names = [
      "model.embed_tokens.weight", "model.layers.0.self_attn.o_proj.weight", "model.layers.0.mlp.gate.weight",
    ]
    let entries = names.enumerated().map { Self.tensor($1, "F32", [1, 1], 4 * $0..<4 * $0 + 4) }
    let header = try SafetensorsHeader(
      bytes: Self.file("{" + entries.joined(separator: ",") + "}", data: 12), name: "x")
    let error = #expect(throws: SafetensorsError.self) { try SafetensorsCheckpoint(file: header).spec(name: "x") }
    #expect(error?.description.contains("num_experts_per_tok") == true)
  }

  // MARK: Shards

  static let shards = [
    "one.safetensors": "{" + tensor("a", "F32", [2], 0..<8) + "}",
    "two.safetensors": "{" + tensor("b", "BF16", [3], 0..<6) + "}",
  ]

  static func folder(index: String) throws -> (TemporaryFolder, String) {
    let folder = try TemporaryFolder()
    try folder.write(file(shards["one.safetensors"] ?? "", data: 8), to: "one.safetensors")
    try folder.write(file(shards["two.safetensors"] ?? "", data: 6), to: "two.safetensors")
    return (folder, try folder.write(index, to: SafetensorsCheckpoint.indexName))
  }

  @Test func `an index joins the headers of its shards`() throws {
    let (folder, index) = try Self.folder(
      index: #"{"metadata": {}, "weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}"#)
    let tensors = try SafetensorsCheckpoint(path: index).tensors
    #expect(tensors.map(\.name) == ["a", "b"])
    #expect(tensors.map(\.file) == [folder.path + "/one.safetensors", folder.path + "/two.safetensors"])
  }

  @Test(arguments: [
    #"{"weight_map": {"a": "three.safetensors"}}"#, #"{"weight_map": {"a": "../one.safetensors"}}"#,
    #"{"weight_map": {"a": 1}}"#,
    #"{"weight_map": {"c": "one.safetensors"}}"#, #"{"weight_map": []}"#, "{}", "{", #"{"weight_map": {"a": ""}}"#,
  ])
  func `an index that leads nowhere is refused`(text: String) throws {
    let (folder, index) = try Self.folder(index: text)
    let error = #expect(throws: SafetensorsError.self) { try SafetensorsCheckpoint(path: index) }
    #expect(error?.description.contains(folder.path) == true)
  }
}
