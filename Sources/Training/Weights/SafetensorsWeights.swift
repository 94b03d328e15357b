public import Bookkeeping
public import Kernels
public import Modeling

/// The weights of a Hugging Face checkpoint in safetensors, in one file or in several with an index.
///
/// The files are mapped, not read: a tensor's pages are in memory only while it is converted to fp32.
public struct SafetensorsWeights: WeightSource {
  /// The file or index.
  public let path: String
  private let catalog: WeightCatalog

  /// Reads the headers, and checks that they describe `spec` tensor by tensor.
  public init(path: String, for spec: ModelSpec) throws(WeightFileError) {
    let checkpoint: SafetensorsCheckpoint
    do { checkpoint = try SafetensorsCheckpoint(path: path) } catch { throw .safetensors(error) }
    var files: [String: MappedFile] = [:]
    var weights: [String: StoredWeight] = [:]
    for tensor in checkpoint.tensors {
      let file: MappedFile
      if let open = files[tensor.file] { file = open } else { file = try MappedFile.weights(tensor.file) }
      files[tensor.file] = file
      weights[SafetensorsWeights.parameterName(tensor.name, in: spec)] = StoredWeight(
        name: tensor.name, shape: tensor.shape, format: StoredFormat(tensor.elementType.format),
        formatName: tensor.elementType.rawValue, file: file, bytes: tensor.byteRange)
    }
    self.path = path
    catalog = WeightCatalog(path: path, known: StoredFormat.inSafetensors, weights: weights)
    try catalog.check(spec) { name in
      // A tied head may be stored once more, and older Llama checkpoints hold the rotary embedding's frequencies.
      name.hasSuffix("rotary_emb.inv_freq") || spec.tiesEmbeddings && name == "lm_head.weight"
    }
  }

  public func fill<W: Number>(_ parameter: Parameter, into values: consuming MutableSpan<W>) throws {
    try catalog.fill(parameter, into: values)
  }

  public func numbers(of parameter: Parameter, in format: ScalarFormat) throws -> MappedNumbers? {
    try catalog.numbers(of: parameter, in: format)
  }

  /// A checkpoint of the model without its head leaves the prefix `model.` off.
  private static func parameterName(_ stored: String, in spec: ModelSpec) -> String {
    let isBare = ["embed_tokens.", "layers.", "norm."].contains { stored.hasPrefix($0) }
    return isBare && spec.embeddingName.hasPrefix("model.") ? "model." + stored : stored
  }
}
