/// Where the weights of a model are: a safetensors file or the index of several, or a GGUF file.
public enum WeightFiles: Hashable, Sendable {
  case safetensors(path: String)
  case gguf(path: String)

  /// Finds the weights at a path: a weight file, an index, a `config.json` beside one, or a folder.
  ///
  /// In a folder `model.safetensors` comes first, as it does for Transformers, then the index, then the first GGUF file,
  /// then the first safetensors file. `nil` if there is something at the path, and no weights.
  public static func find(at path: String) throws(FileError) -> WeightFiles? {
    switch PathKind(path) {
    case .nothing: throw .noSuchFile(path: path)
    case .folder: return try inFolder(path)
    case .file:
      if let files = ofType(path) { return files }
      let name = path.split(separator: "/").last.map(String.init) ?? path
      guard name == "config.json" else { return nil }
      let folder = path.dropLast(name.count)
      return try inFolder(folder.isEmpty ? "." : String(folder))
    }
  }

  private static func inFolder(_ path: String) throws(FileError) -> WeightFiles? {
    let prefix = path.hasSuffix("/") ? path : path + "/"
    for name in [SafetensorsCheckpoint.fileName, SafetensorsCheckpoint.indexName]
    where PathKind(prefix + name) == .file {
      return .safetensors(path: prefix + name)
    }
    let names = try namesOfFiles(in: path)
    for suffix in [".gguf", ".safetensors"] {
      if let name = names.first(where: { $0.lowercased().hasSuffix(suffix) }) { return ofType(prefix + name) }
    }
    return nil
  }

  private static func ofType(_ path: String) -> WeightFiles? {
    let lowercased = path.lowercased()
    if lowercased.hasSuffix(".gguf") { return .gguf(path: path) }
    let isSafetensors = [".safetensors", ".safetensors.index.json"].contains { lowercased.hasSuffix($0) }
    return isSafetensors ? .safetensors(path: path) : nil
  }
}
