public import Bookkeeping
public import Modeling

/// Why weights could not be read or written, with the file and the tensor.
public enum WeightFileError: Error, Hashable, CustomStringConvertible {
  case file(FileError)
  case safetensors(SafetensorsError)
  case gguf(GGUFError)
  /// There is something at the path, and no weights.
  case noWeights(path: String)
  case cannotMap(path: String, reason: String)
  /// The file is shorter than its header said when that was read.
  case changed(path: String)
  /// A GGUF file whose tensors are named or ordered in a way that is not known here.
  case unsupportedArchitecture(String, known: [String], path: String)
  case missingTensors([String], path: String)
  case unexpectedTensors([String], path: String)
  case wrongShape(tensor: String, found: Shape, expected: Shape, path: String)
  case unsupportedFormat(String, tensor: String, known: [String], path: String)
  /// A weight is infinite or not a number.
  case notFinite(tensor: String, element: Int, path: String)
  /// The system's reason in its own words.
  case cannotWrite(path: String, reason: String)

  public var description: String {
    switch self {
    case .file(let error): "\(error)"
    case .safetensors(let error): "\(error)"
    case .gguf(let error): "\(error)"
    case .noWeights(let path): "\(path) holds no weights: a .safetensors or .gguf file is needed"
    case .cannotMap(let path, let reason): "\(path) cannot be mapped into memory: \(reason)"
    case .changed(let path): "\(path) became shorter after its header was read: it is being written, or copied over"
    case .unsupportedArchitecture(let name, let known, let path):
      "\(path) has the architecture \"\(name)\": weights are read of \(known.joined(separator: ", "))"
    case .missingTensors(let names, let path):
      "\(path) lacks \(WeightFileError.list(names)): it is not all of this model"
    case .unexpectedTensors(let names, let path):
      "\(path) has \(WeightFileError.list(names)), which the model has no place for: it is another model's"
    case .wrongShape(let tensor, let found, let expected, let path):
      "\(path): the tensor \(tensor) has the shape \(found) where the model has \(expected)"
    case .unsupportedFormat(let format, let tensor, let known, let path):
      "\(path): the tensor \(tensor) is stored as \(format), which cannot be read: convert it to one of "
        + known.joined(separator: ", ")
    case .notFinite(let tensor, let element, let path):
      "\(path): element \(element) of the tensor \(tensor) is infinite or not a number: the file is damaged, or its "
        + "training diverged"
    case .cannotWrite(let path, let reason): "\(path) cannot be written: \(reason)"
    }
  }

  /// The first few names, and how many more there are.
  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(4).joined(separator: ", ")
    let tensors = names.count == 1 ? "the tensor" : "\(names.count) tensors:"
    return "\(tensors) \(shown)" + (names.count > 4 ? ", …" : "")
  }
}
