/// A Hugging Face `config.json`, read into a spec.
///
/// Fields that a file leaves out take the default of Transformers' configuration class
/// (`models/*/configuration_*.py`, checked against transformers 5.23); those that decide the size of the model are
/// listed in ``defaulted``, so that nobody mistakes a default for the file's word.
public struct ConfigJSON: Hashable, Sendable {
  public let spec: ModelSpec
  /// Fields that decide the size of the model and were not in the file.
  public let defaulted: [String]
  /// What quantized the checkpoint that the file belongs to (`gptq`, `awq`, `bitsandbytes`); the spec describes the
  /// model before that.
  public let quantizedWith: String?

  /// Every `model_type` that can be read.
  public static var knownTypes: [String] { Family.allCases.map(\.rawValue) + ["gemma3"] }

  /// Reads the bytes of a `config.json`; `name` is what the model is called unless the file knows better.
  public init(bytes: [UInt8], file: String, name: String? = nil) throws(ConfigError) {
    let document: JSONValue
    do { document = try JSONParser.parse(bytes) } catch { throw .notJSON(error, file: file) }
    try self.init(document, file: file, name: name)
  }

  /// Reads a configuration that is parsed already.
  public init(_ document: JSONValue, file: String, name: String? = nil) throws(ConfigError) {
    guard let members = document.objectValue else { throw .notAnObject(found: document.summary, file: file) }
    let top = ConfigFields(members, file: file)
    let (family, fields) = try ConfigJSON.family(of: top)
    let declared = try top.text("_name_or_path").flatMap { $0.split(separator: "/").last.map(String.init) }
    spec = try family.spec(fields, name: name ?? declared ?? family.rawValue)
    defaulted = family.sizeFields.filter { fields.value($0) == nil }
    quantizedWith = try top.object("quantization_config")?.text("quant_method")
  }

  /// Finds the family, and the fields of the decoder where a multimodal configuration nests them.
  private static func family(of top: ConfigFields) throws(ConfigError) -> (Family, ConfigFields) {
    guard let type = try top.text("model_type") else { throw top.missing("model_type") }
    if type == "gemma3" {
      // Transformers builds a default decoder where the file has none; nobody means that one.
      guard let decoder = try top.object("text_config") else { throw top.missing("text_config") }
      // The outer configuration's word on tying and format counts for the decoder.
      let inherited = ["tie_word_embeddings", "dtype", "torch_dtype"]
      return (.gemma3, decoder.replacing(inherited.reduce(into: [:]) { $0[$1] = top.value($1) }))
    }
    guard let family = Family(rawValue: type) else {
      throw .unknownModelType(type, known: knownTypes, file: top.file)
    }
    return (family, top)
  }
}
