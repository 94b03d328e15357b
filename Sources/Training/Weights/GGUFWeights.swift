public import Bookkeeping
public import Kernels
public import Modeling

/// The weights of a GGUF file, under the names and in the order of rows of the checkpoint that it was made from.
public struct GGUFWeights: WeightSource {
  public let path: String
  private let catalog: WeightCatalog

  /// The values of `general.architecture` whose tensors are known here; Mistral's files call themselves `llama`.
  public static let knownArchitectures = ["llama", "qwen2", "qwen3"]

  /// Reads the header, and checks that it describes `spec` tensor by tensor.
  public init(path: String, for spec: ModelSpec) throws(WeightFileError) {
    let header: GGUFHeader
    do { header = try GGUFHeader(path: path) } catch { throw .gguf(error) }
    let architecture = header.metadata["general.architecture"]?.stringValue ?? ""
    guard GGUFWeights.knownArchitectures.contains(architecture) else {
      throw .unsupportedArchitecture(architecture, known: GGUFWeights.knownArchitectures, path: path)
    }
    let parameters = Dictionary(
      spec.parameters.compactMap { parameter in GGUFNames.name(of: parameter).map { ($0, parameter) } },
      uniquingKeysWith: { first, _ in first })
    let file = try MappedFile.weights(path)
    var weights: [String: StoredWeight] = [:]
    for tensor in header.tensors {
      let parameter = parameters[tensor.name]
      weights[parameter?.name ?? tensor.name] = StoredWeight(
        name: tensor.name, shape: tensor.shape, format: StoredFormat(tensor.type.format),
        formatName: tensor.type.name, file: file, bytes: tensor.byteRange,
        pairedHeads: architecture == "llama" ? parameter.flatMap { GGUFNames.rotatedHeads($0, of: spec) } : nil)
    }
    self.path = path
    catalog = WeightCatalog(path: path, known: StoredFormat.inGGUF, weights: weights)
    try catalog.check(spec) { name in
      // The factors of Llama 3's rotary rule, where the spec knows the rule itself.
      name == GGUFNames.rotaryFactors && spec.hasLlama3Rotary
    }
  }

  public func fill<W: Number>(_ parameter: Parameter, into values: consuming MutableSpan<W>) throws {
    try catalog.fill(parameter, into: values)
  }

  public func numbers(of parameter: Parameter, in format: ScalarFormat) throws -> MappedNumbers? {
    try catalog.numbers(of: parameter, in: format)
  }
}

extension ModelSpec {
  fileprivate var hasLlama3Rotary: Bool {
    if case .rotary(let rotary) = positions, case .llama3 = rotary.scaling { true } else { false }
  }
}
