import Bookkeeping
import Kernels
import Modeling

/// A folder that Transformers loads a model from: `config.json`, `model.safetensors`, and the base's tokenizer.
public enum CheckpointFolder {
  /// Files that belong to a model whatever its weights are, taken over from the base's folder where they are.
  static let companions = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.model",
    "vocab.json", "merges.txt", "chat_template.jinja", "generation_config.json",
  ]

  /// Writes all parameters of a full fine-tuning.
  ///
  /// - Parameters:
  ///   - format: without one, the format that the weights trained in; narrower ones round to nearest even.
  ///   - base: the folder the training began from, if it was one: its tokenizer and the rest of its `config.json` are
  ///     taken over.
  public static func write(
    _ trainer: Trainer, to folder: String, format: SafetensorsWriter.Format? = nil, base: String? = nil
  ) throws {
    guard trainer.recipe.method == .full else {
      throw TrainingError.unsupported("a checkpoint of adapters: write the adapter, or merge it")
    }
    let format = format ?? (trainer.recipe.weightFormat == .bf16 ? .bf16 : .fp32)
    var writer = try begin(trainer.spec, folder, format, base: base)
    for parameter in trainer.spec.parameters {
      try writer.write(trainer.parameter(parameter.name))
    }
    try writer.finish()
  }

  /// Writes all that is known before the numbers, and returns the writer that takes these in the spec's order.
  static func begin(
    _ spec: ModelSpec, _ folder: String, _ format: SafetensorsWriter.Format, base: String?
  ) throws -> SafetensorsWriter {
    let config = try config(spec, format, base: base)
    try AtomicFile.makeFolder(folder)
    try AtomicFile.write(config.text(indent: 2) + "\n", to: folder + "/config.json")
    for name in companions { try copy(name, from: base, to: folder) }
    let tensors = spec.parameters.map { SafetensorsWriter.Tensor(name: $0.name, shape: $0.shape) }
    return try SafetensorsWriter(
      path: folder + "/" + SafetensorsCheckpoint.fileName, tensors: tensors, format: format)
  }

  private static func config(
    _ spec: ModelSpec, _ format: SafetensorsWriter.Format, base: String?
  ) throws -> JSONValue {
    if let base, let bytes = try? JSONValue.bytes(ofFile: base + "/config.json"),
      let members = try? JSONValue(parsing: bytes).objectValue
    {
      return TransformersConfig.document(base: members, format)
    }
    guard let document = TransformersConfig.document(spec, format) else {
      throw TrainingError.unsupported("a checkpoint that Transformers' \(spec.architecture.rawValue) class would load")
    }
    return document
  }

  private static func copy(_ name: String, from base: String?, to folder: String) throws {
    guard let base, base != folder, let source = try? MappedFile(base + "/" + name) else { return }
    var file = try AtomicFile(folder + "/" + name)
    try file.write(source.bytes(0..<source.size).bytes)
    try file.commit()
  }
}
