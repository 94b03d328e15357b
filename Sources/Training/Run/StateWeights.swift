import Bookkeeping
import Kernels
import Modeling

/// The tensors of a saved state, by name, exactly as they were.
struct StateWeights {
  private let path: String
  private let stored: [String: StoredWeight]

  init(path: String) throws {
    self.path = path
    let header: SafetensorsHeader
    do { header = try SafetensorsHeader(path: path) } catch {
      throw RunStateError.unreadable(path: path, reason: "\(error)")
    }
    let file = try MappedFile.weights(path)
    stored = Dictionary(
      header.tensors.map {
        (
          $0.name,
          StoredWeight(
            name: $0.name, shape: $0.shape, format: StoredFormat($0.elementType.format),
            formatName: $0.elementType.rawValue, file: file, bytes: $0.byteRange)
        )
      }, uniquingKeysWith: { first, _ in first })
  }

  /// Fills a parameter's own numbers.
  func fill(_ parameter: ParameterTensor) throws {
    if parameter.format == .bf16 {
      try fill(parameter.name, parameter.shape, into: parameter.narrowValue.mutableSpan)
    } else {
      try fill(parameter.name, parameter.shape, into: parameter.value.mutableSpan)
    }
  }

  func fill<W: Number>(_ name: String, _ shape: Shape, into values: consuming MutableSpan<W>) throws {
    let weight = try find(name, shape, W.format == .bf16 ? .bf16 : .fp32)
    try weight.fill(values, known: StoredFormat.inSafetensors)
  }

  func fill(_ name: String, _ shape: Shape, into bytes: consuming MutableSpan<UInt8>) throws {
    try find(name, shape, .uint8).copyBytes(into: bytes)
  }

  private func find(_ name: String, _ shape: Shape, _ type: SafetensorsElementType) throws -> StoredWeight {
    guard let weight = stored[name] else {
      throw RunStateError.unreadable(path: path, reason: "\(name) is missing")
    }
    guard weight.shape == shape else {
      throw RunStateError.unreadable(path: path, reason: "\(name) is \(weight.shape), and should be \(shape)")
    }
    guard weight.formatName == type.rawValue else {
      throw RunStateError.unreadable(
        path: path, reason: "\(name) is stored as \(weight.formatName), and should be \(type.rawValue)")
    }
    return weight
  }
}
