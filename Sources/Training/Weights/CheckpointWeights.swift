public import Bookkeeping
public import Kernels
public import Modeling

/// The weights at a path, whichever format they are in.
public enum CheckpointWeights: WeightSource {
  case safetensors(SafetensorsWeights)
  case gguf(GGUFWeights)

  /// Opens a safetensors file, an index, a GGUF file, or a folder with one of them.
  ///
  /// Nothing is read but headers, against which `spec` is checked.
  public static func open(_ path: String, for spec: ModelSpec) throws(WeightFileError) -> CheckpointWeights {
    let files: WeightFiles?
    do { files = try WeightFiles.find(at: path) } catch { throw .file(error) }
    switch files {
    case .safetensors(let path): return .safetensors(try SafetensorsWeights(path: path, for: spec))
    case .gguf(let path): return .gguf(try GGUFWeights(path: path, for: spec))
    case nil: throw .noWeights(path: path)
    }
  }

  public func fill<W: Number>(_ parameter: Parameter, into values: consuming MutableSpan<W>) throws {
    switch self {
    case .safetensors(let weights): try weights.fill(parameter, into: values)
    case .gguf(let weights): try weights.fill(parameter, into: values)
    }
  }

  public func numbers(of parameter: Parameter, in format: ScalarFormat) throws -> MappedNumbers? {
    switch self {
    case .safetensors(let weights): try weights.numbers(of: parameter, in: format)
    case .gguf(let weights): try weights.numbers(of: parameter, in: format)
    }
  }
}
