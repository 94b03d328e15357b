import Modeling

/// A file of settings, read and recognized, with nothing looked up yet.
struct ConfigurationFile {
  let file: String
  /// Whose it is where something beside its keys says so: the script of a command line.
  var dialect: TrainingConfiguration.Dialect?
  var values: [String: JSONValue]
  /// Further settings that the file carries: `accelerate launch`'s own flags.
  var launcher: [String: JSONValue] = [:]

  /// The largest file that is read, in bytes; people's are a few thousand long.
  static let longest = 1 << 20

  /// Reads JSON, YAML, or a command line, whichever the file holds.
  static func read(_ path: String) throws(ConfigurationError) -> ConfigurationFile {
    let bytes: [UInt8]
    do { bytes = try JSONValue.bytes(ofFile: path) } catch { throw .file(error) }
    guard bytes.count <= longest else { throw .tooLarge(file: path, reason: "it is \(bytes.count) bytes long") }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .notYAML(reason: "it is not UTF-8", file: path)
    }
    return try parse(text, file: path)
  }

  /// Reads a text as the contents of `file`, whose name decides only between JSON and YAML.
  static func parse(_ text: String, file: String) throws(ConfigurationError) -> ConfigurationFile {
    let name = file.lowercased()
    let isNamed = name.hasSuffix(".yaml") || name.hasSuffix(".yml")
    let first = text.first { !$0.isWhitespace }
    let document: JSONValue
    if name.hasSuffix(".json") || (!isNamed && first == "{") {
      do { document = try JSONValue(parsing: Array(text.utf8)) } catch { throw .notJSON(error, file: file) }
    } else if !isNamed, CommandLineText.isCommand(text) {
      return try CommandLineText.read(text, file: file)
    } else {
      document = try YAMLDocument.parse(text, file: file)
    }
    guard let members = document.objectValue else { throw .notAnObject(found: document.summary, file: file) }
    return ConfigurationFile(file: file, values: Interpolation.resolve(members))
  }

  /// A file that another one names: beside it, or in the working folder; `nil` where it is in neither.
  static func referenced(_ path: String, beside file: String) throws(ConfigurationError) -> ConfigurationFile? {
    let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
    let candidates = path.hasPrefix("/") || folder.isEmpty ? [path] : [folder + path, path]
    for candidate in candidates {
      do { return try read(candidate) } catch {
        guard error.isMissingFile else { throw error }
      }
    }
    return nil
  }
}

/// `${name}` and `${section.name}` of OmegaConf, which torchtune's files are read by.
enum Interpolation {
  static func resolve(_ members: [String: JSONValue]) -> [String: JSONValue] {
    members.mapValues { resolve($0, in: .object(members), depth: 0) }
  }

  private static func resolve(_ value: JSONValue, in root: JSONValue, depth: Int) -> JSONValue {
    switch value {
    case .object(let members): return .object(members.mapValues { resolve($0, in: root, depth: depth) })
    case .array(let elements): return .array(elements.map { resolve($0, in: root, depth: depth) })
    case .string(let text):
      // A whole value only: pieces of paths decide nothing.
      guard depth < 8, text.hasPrefix("${"), text.hasSuffix("}"), !text.dropFirst(2).contains("$") else { return value }
      var found: JSONValue? = root
      for part in text.dropFirst(2).dropLast().split(separator: ".") { found = found?[String(part)] }
      guard let found, found.objectValue == nil else { return value }
      return resolve(found, in: root, depth: depth + 1)
    case .null, .bool, .integer, .number: return value
    }
  }
}
