extension ModelReference {
  /// The configuration that Transformers would build the same decoder from; `nil` where only weights are at hand.
  ///
  /// Of a multimodal model it is the decoder's own. What belongs to a published checkpoint, and not to the
  /// architecture, is left out.
  ///
  /// - Throws: ``ModelReferenceError`` if a file that was there has become unreadable.
  public func configuration() throws(ModelReferenceError) -> JSONValue? {
    switch origin {
    case .preset(let preset): return ModelReference.decoder(of: preset.config)
    case .config(let path): return try ModelReference.configuration(at: path)
    case .safetensors(let path):
      let beside = (path.lastIndex(of: "/").map { String(path[...$0]) } ?? "") + "config.json"
      return PathKind(beside) == .file ? try ModelReference.configuration(at: beside) : nil
    case .gguf: return nil
    }
  }

  private static func configuration(at path: String) throws(ModelReferenceError) -> JSONValue {
    let bytes: [UInt8]
    do { bytes = try InputFile.contents(of: path, limit: longestConfig) } catch { throw .file(error) }
    do { return decoder(of: try JSONValue(parsing: bytes)) } catch { throw .config(.notJSON(error, file: path)) }
  }

  private static func decoder(of document: JSONValue) -> JSONValue {
    guard var members = document.objectValue else { return document }
    if members["model_type"]?.stringValue == "gemma3", let decoder = members["text_config"]?.objectValue {
      // The outer configuration's word on tying and format counts for the decoder.
      let inherited = ["tie_word_embeddings", "dtype", "torch_dtype"]
      let outer = members
      members = decoder
      members["model_type"] = .string(Family.gemma3.rawValue)
      for key in inherited { members[key] = outer[key] }
    }
    for key in ["quantization_config", "auto_map", "_name_or_path", "transformers_version", "architectures"] {
      members[key] = nil
    }
    return .object(members)
  }
}
