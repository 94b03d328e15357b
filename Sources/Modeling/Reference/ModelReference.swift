/// The MODEL of a command line, resolved: a preset, a size, a `config.json`, a checkpoint folder, or a weight file.
public struct ModelReference: Hashable, Sendable {
  public let spec: ModelSpec
  public let origin: Origin
  /// What was assumed or chosen on the user's behalf, in sentences without a full stop; `nil` if nothing was.
  public let note: String?

  /// Where the spec came from.
  public enum Origin: Hashable, Sendable {
    case preset(Preset)
    case config(path: String)
    case safetensors(path: String)
    case gguf(path: String)
  }

  /// The longest `config.json` that is read.
  static let longestConfig = 16 << 20

  /// Finds what `argument` names.
  ///
  /// A name without a slash is looked up among the presets first; write `./name` for a folder of that name. With a
  /// slash a path that exists comes first, and a Hugging Face id second.
  public init(resolving argument: String) throws(ModelReferenceError) {
    let kind = PathKind(argument)
    if kind == .nothing || !argument.contains("/"), let known = ModelReference.preset(argument) {
      self = known
      return
    }
    switch kind {
    case .folder: self = try ModelReference.folder(argument)
    case .file: self = try ModelReference.file(argument)
    case .nothing:
      guard !ModelReference.looksLikePath(argument) else { throw .file(.noSuchFile(path: argument)) }
      throw .unknownName(argument, suggestions: Presets.suggestions(for: argument))
    }
  }

  private init(_ spec: ModelSpec, _ origin: Origin, notes: [String] = []) {
    self.spec = spec
    self.origin = origin
    note = notes.isEmpty ? nil : notes.joined(separator: "; ")
  }

  // MARK: Names

  private static func preset(_ name: String) -> ModelReference? {
    if let preset = Presets.named(name) {
      let isOwnName = [preset.name, preset.huggingFaceID.lowercased()].contains(name.lowercased())
      let notes = isOwnName ? [] : ["\(name) is planned as \(preset.name)"]
      return ModelReference(preset.spec, .preset(preset), notes: notes)
    }
    guard let preset = Presets.standing(forSize: name) else { return nil }
    return ModelReference(
      preset.spec, .preset(preset), notes: ["\(name) alone stands for \(preset.name) (\(preset.huggingFaceID))"])
  }

  private static func looksLikePath(_ argument: String) -> Bool {
    ["/", "./", "../", "~"].contains { argument.hasPrefix($0) } || argument.hasSuffix("/")
      || [".json", ".safetensors", ".gguf"].contains { argument.lowercased().hasSuffix($0) }
  }

  // MARK: Files

  private static func file(_ path: String) throws(ModelReferenceError) -> ModelReference {
    let lowercased = path.lowercased()
    if lowercased.hasSuffix(".gguf") { return try gguf(path) }
    if lowercased.hasSuffix(".safetensors") || lowercased.hasSuffix(".safetensors.index.json") {
      return try safetensors(path)
    }
    guard lowercased.hasSuffix(".json") else { throw .unknownFileType(path: path) }
    return try config(path)
  }

  private static func folder(_ path: String) throws(ModelReferenceError) -> ModelReference {
    let prefix = path.hasSuffix("/") ? path : path + "/"
    if PathKind(prefix + "config.json") == .file { return try config(prefix + "config.json") }
    for name in [SafetensorsCheckpoint.indexName, SafetensorsCheckpoint.fileName]
    where PathKind(prefix + name) == .file {
      return try safetensors(prefix + name)
    }
    let names: [String]
    do { names = try namesOfFiles(in: path) } catch { throw .file(error) }
    for suffix in [".gguf", ".safetensors"] {
      if let name = names.first(where: { $0.lowercased().hasSuffix(suffix) }) { return try file(prefix + name) }
    }
    throw .emptyFolder(path: path)
  }

  private static func config(_ path: String) throws(ModelReferenceError) -> ModelReference {
    let bytes: [UInt8]
    do { bytes = try InputFile.contents(of: path, limit: longestConfig) } catch { throw .file(error) }
    let config: ConfigJSON
    do { config = try ConfigJSON(bytes: bytes, file: path, name: folderName(path)) } catch { throw .config(error) }
    return ModelReference(config.spec, .config(path: path), notes: config.notes)
  }

  private static func safetensors(_ path: String) throws(ModelReferenceError) -> ModelReference {
    let checkpoint: SafetensorsCheckpoint
    do { checkpoint = try SafetensorsCheckpoint(path: path) } catch { throw .safetensors(error) }
    let slash = path.lastIndex(of: "/")
    let beside = (slash.map { String(path[...$0]) } ?? "") + "config.json"
    if PathKind(beside) == .file {
      let reference = try config(beside)
      let notes = reference.note.map { [$0] } ?? []
      return ModelReference(
        reference.spec, .safetensors(path: path),
        notes: ["the architecture is that of \(beside)"] + notes + checkpoint.disagreements(with: reference.spec))
    }
    do {
      let (spec, assumed) = try checkpoint.spec(name: folderName(path) ?? "model")
      let note = "the shapes don't say \(assumed.joined(separator: ", ")): defaults of \(spec.architecture.rawValue)"
      return ModelReference(spec, .safetensors(path: path), notes: [note])
    } catch {
      throw .safetensors(error)
    }
  }

  private static func gguf(_ path: String) throws(ModelReferenceError) -> ModelReference {
    do {
      let header = try GGUFHeader(path: path)
      let stem = path.split(separator: "/").last.map { String($0.dropLast(".gguf".count)) }
      let spec = try header.spec(name: stem.flatMap { $0.isEmpty ? nil : $0 } ?? "model")
      return ModelReference(spec, .gguf(path: path), notes: header.disagreements(with: spec))
    } catch {
      throw .gguf(error)
    }
  }

  /// The folder that a file lies in, which is usually named for the model.
  private static func folderName(_ path: String) -> String? {
    let parts = path.split(separator: "/")
    guard let folder = parts.dropLast().last, folder != ".", folder != ".." else { return nil }
    return String(folder)
  }
}

extension ConfigJSON {
  fileprivate var notes: [String] {
    var notes: [String] = []
    if !defaulted.isEmpty {
      notes.append("config.json leaves out \(defaulted.joined(separator: ", ")): Transformers' defaults are used")
    }
    if let quantizedWith {
      notes.append("the checkpoint is quantized with \(quantizedWith): what is planned is the model before that")
    }
    return notes
  }
}

extension SafetensorsCheckpoint {
  /// A sentence where tensors have other shapes than the configuration calls for.
  fileprivate func disagreements(with spec: ModelSpec) -> [String] {
    let stored = Dictionary(tensors.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
    let wrong = spec.parameters.filter { parameter in stored[parameter.name].map { $0 != parameter.shape } ?? false }
    guard let first = wrong.first, let shape = stored[first.name] else { return [] }
    return [
      "\(wrong.count) tensors have other shapes than config.json calls for, such as \(first.name): "
        + "\(shape) instead of \(first.shape)"
    ]
  }
}

extension GGUFHeader {
  /// A sentence where the tensors add up to another number of parameters than the metadata's model has.
  fileprivate func disagreements(with spec: ModelSpec) -> [String] {
    guard !tensors.isEmpty else { return [] }
    let factors = ["rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"]
    let stored = tensors.reduce(0.0) { factors.contains($1.name) ? $0 : $0 + Double($1.shape.count) }
    guard stored != Double(spec.parameterCount) else { return [] }
    return ["the file's tensors hold \(Int(stored)) parameters, and its metadata calls for \(spec.parameterCount)"]
  }
}
