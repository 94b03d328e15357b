import Bookkeeping
import Kernels
import Modeling

/// The tensors of a model's weight files under the names that the model has for them.
struct WeightCatalog {
  let path: String
  /// Formats that such a file may hold.
  let known: [String]
  let weights: [String: StoredWeight]

  /// Checks that the files hold this model: all of its parameters in their shapes, in formats that can be read, and no
  /// others but those that `mayBeLeftOver` knows.
  func check(_ spec: ModelSpec, mayBeLeftOver: (String) -> Bool) throws(WeightFileError) {
    let parameters = spec.parameters
    let missing = parameters.map(\.name).filter { weights[$0] == nil }
    guard missing.isEmpty else { throw .missingTensors(missing, path: path) }
    let wanted = Set(parameters.map(\.name))
    let unexpected = weights.filter { !wanted.contains($0.key) && !mayBeLeftOver($0.key) }.values.map(\.name)
    guard unexpected.isEmpty else { throw .unexpectedTensors(unexpected.sorted(), path: path) }
    for parameter in parameters { _ = try find(parameter) }
  }

  func fill<W: Number>(_ parameter: Parameter, into values: consuming MutableSpan<W>) throws(WeightFileError) {
    let stored = try find(parameter)
    guard values.count == parameter.count else {
      throw .wrongShape(tensor: stored.name, found: stored.shape, expected: [values.count], path: path)
    }
    try stored.fill(values, known: known)
  }

  func numbers(of parameter: Parameter, in format: ScalarFormat) throws(WeightFileError) -> MappedNumbers? {
    try find(parameter).numbers(in: format)
  }

  private func find(_ parameter: Parameter) throws(WeightFileError) -> StoredWeight {
    guard let stored = weights[parameter.name] else { throw .missingTensors([parameter.name], path: path) }
    guard stored.shape == parameter.shape else {
      throw .wrongShape(
        tensor: stored.name, found: stored.shape, expected: parameter.shape, path: stored.file.path)
    }
    guard stored.format != nil else {
      throw .unsupportedFormat(stored.formatName, tensor: stored.name, known: known, path: stored.file.path)
    }
    return stored
  }
}

extension MappedFile {
  /// Maps a file of weights.
  static func weights(_ path: String) throws(WeightFileError) -> MappedFile {
    do { return try MappedFile(path) } catch {
      switch error {
      case .cannotMap(let path, let reason): throw .cannotMap(path: path, reason: reason)
      }
    }
  }
}
