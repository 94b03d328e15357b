/// The tensors of a checkpoint, in one safetensors file or in several with an index.
public struct SafetensorsCheckpoint: Hashable, Sendable {
  /// The name that Transformers gives the index of a sharded checkpoint.
  public static let indexName = "model.safetensors.index.json"
  /// The name that Transformers gives an unsharded checkpoint.
  public static let fileName = "model.safetensors"

  /// The file or index that was read.
  public let path: String
  public let tensors: [StoredTensor]

  /// A checkpoint in one file.
  public init(file: SafetensorsHeader) {
    self.init(path: file.file, tensors: file.tensors)
  }

  private init(path: String, tensors: [StoredTensor]) {
    self.path = path
    self.tensors = tensors
  }

  /// Reads an index (`.json`) and the headers of the files that it names, or a single file.
  public init(path: String) throws(SafetensorsError) {
    guard path.hasSuffix(".json") else {
      self.init(file: try SafetensorsHeader(path: path))
      return
    }
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { String(path[...$0]) } ?? ""
    var tensors: [StoredTensor] = []
    for (shard, names) in try SafetensorsCheckpoint.shards(index: path) {
      guard PathKind(folder + shard) == .file else { throw .missingShard(shard, index: path) }
      let header = try SafetensorsHeader(path: folder + shard)
      let stored = Set(header.tensors.map(\.name))
      for name in names where !stored.contains(name) { throw .missingTensor(name, file: folder + shard) }
      let wanted = Set(names)
      tensors += header.tensors.filter { wanted.contains($0.name) }
    }
    self.init(path: path, tensors: tensors)
  }

  /// The files of an index in order of their names, each with the tensors that are looked for there.
  private static func shards(index: String) throws(SafetensorsError) -> [(String, [String])] {
    let bytes: [UInt8]
    do { bytes = try InputFile.contents(of: index, limit: SafetensorsHeader.longestHeader) } catch {
      throw .file(error)
    }
    let document: JSONValue
    do { document = try JSONParser.parse(bytes) } catch { throw .notJSON(error, file: index) }
    guard let map = document["weight_map"]?.objectValue else {
      throw .malformed("it has no object named weight_map, which should say where each tensor is", file: index)
    }
    var shards: [String: [String]] = [:]
    for (tensor, value) in map {
      // An index must not send the reader to files elsewhere.
      guard let shard = value.stringValue, !shard.isEmpty, !shard.contains("/"), shard != "..", shard != "." else {
        throw .notAShardName(value.stringValue ?? value.summary, index: index)
      }
      shards[shard, default: []].append(tensor)
    }
    return shards.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sorted()) }
  }
}
