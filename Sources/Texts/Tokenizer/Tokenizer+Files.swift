import Modeling

extension Tokenizer {
  /// Reads the tokenizer of a model: of a GGUF file, of a checkpoint's folder, or of a `tokenizer.json`.
  ///
  /// Beside a `tokenizer.json` its `tokenizer_config.json` and `chat_template.jinja` are read where they are there.
  public init(path: String) throws(TokenizerError) {
    if path.hasSuffix(".gguf") {
      let header: GGUFHeader
      do throws(GGUFError) { header = try GGUFHeader(path: path) } catch { throw .badGGUF(error) }
      try self.init(try GGUFTokenizerFields(header))
      return
    }
    let isFile = path.hasSuffix(".json")
    let folder = isFile ? String(path.dropLast(path.split(separator: "/").last?.count ?? 0)) : path + "/"
    let definition = isFile ? path : folder + "tokenizer.json"
    guard let bytes = try Self.contents(definition) else {
      throw .unreadable(path: definition, reason: "there is no such file")
    }
    let template = try Self.contents(folder + "chat_template.jinja").map { String(decoding: $0, as: UTF8.self) }
    try self.init(
      definition: bytes, configuration: try Self.contents(folder + "tokenizer_config.json"), chatTemplate: template)
  }

  private static func contents(_ path: String) throws(TokenizerError) -> [UInt8]? {
    do throws(TextFileError) { return try FileReader.contents(ifThere: path) } catch {
      throw .unreadable(path: path, reason: error.reason)
    }
  }
}
