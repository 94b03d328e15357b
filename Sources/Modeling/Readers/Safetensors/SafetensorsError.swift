/// Why a safetensors header or a shard index could not be read, and where.
public enum SafetensorsError: Error, Hashable, CustomStringConvertible {
  case file(FileError)
  case tooShort(file: String, size: Int)
  case headerTooLong(file: String, length: UInt64, limit: Int)
  case headerBeyondEnd(file: String, length: Int, size: Int)
  case notJSON(JSONError, file: String)
  case malformed(String, file: String)
  case wrongField(tensor: String, field: String, found: String, expected: String, file: String)
  case unknownElementType(String, tensor: String, file: String)
  case tooManyElements(tensor: String, file: String)
  case wrongByteCount(tensor: String, stored: Int, needed: Int, file: String)
  case outsideFile(tensor: String, end: Int, dataSize: Int, file: String)
  /// Two tensors share bytes.
  case overlap(String, String, file: String)
  /// Bytes that belong to no tensor, which the format forbids.
  case unclaimedBytes(from: Int, to: Int, file: String)
  case missingTensor(String, file: String)
  case missingShard(String, index: String)
  case notAShardName(String, index: String)
  /// What the tensors alone don't say.
  case undetermined(key: String, reason: String, file: String)
  case config(ConfigError)

  public var description: String {
    switch self {
    case .file(let error): "\(error)"
    case .tooShort(let file, let size):
      "\(file) is \(size) bytes long: a safetensors file begins with 8 bytes that give its header's length"
    case .headerTooLong(let file, let length, let limit):
      "\(file) announces a header of \(length) bytes: the safetensors format allows \(limit)"
    case .headerBeyondEnd(let file, let length, let size):
      "\(file) announces a header of \(length) bytes and is only \(size) bytes long: the file is cut off"
    case .notJSON(let error, let file): "the header of \(file) is no valid JSON: \(error)"
    case .malformed(let what, let file): "\(file): \(what)"
    case .wrongField(let tensor, let field, let found, let expected, let file):
      "\(file): \(field) of the tensor \(tensor) is \(found) where \(expected) should be"
    case .unknownElementType(let type, let tensor, let file):
      "\(file): the tensor \(tensor) has the element type \(type), which the safetensors format does not know"
    case .tooManyElements(let tensor, let file):
      "\(file): the shape of the tensor \(tensor) has more elements than can be counted"
    case .wrongByteCount(let tensor, let stored, let needed, let file):
      "\(file): the tensor \(tensor) has \(stored) bytes, and its shape and element type need \(needed)"
    case .outsideFile(let tensor, let end, let dataSize, let file):
      "\(file): the tensor \(tensor) ends at byte \(end) of the data, of which the file holds \(dataSize)"
    case .overlap(let first, let second, let file):
      "\(file): the tensors \(first) and \(second) share bytes"
    case .unclaimedBytes(let start, let end, let file):
      "\(file): the bytes \(start)..<\(end) of the data belong to no tensor"
    case .missingTensor(let tensor, let file): "\(file) lacks the tensor \(tensor), which the index looks for there"
    case .missingShard(let shard, let index): "\(index) names \(shard), which is not beside it"
    case .notAShardName(let name, let index): "\(index) names \"\(name)\" where the name of a file beside it should be"
    case .undetermined(let key, let reason, let file):
      "the tensors of \(file) don't say \(key): \(reason); a config.json beside the file answers it"
    case .config(let error): "\(error)"
    }
  }
}
