/// Why a GGUF header could not be read, and where in the file.
public enum GGUFError: Error, Hashable, CustomStringConvertible {
  case file(FileError)
  case badMagic(found: [UInt8], file: String)
  case byteSwapped(file: String)
  case unsupportedVersion(Int, file: String)
  /// The file ends inside a field: `offset` is where it ends.
  case truncated(reading: String, offset: Int, missing: Int)
  case tooMany(what: String, count: UInt64, limit: Int, offset: Int)
  case unknownValueType(Int, key: String, offset: Int)
  case nestedTooDeeply(key: String, limit: Int)
  case invalidBoolean(Int, offset: Int)
  case duplicateKey(String)
  case duplicateTensor(String)
  case invalidAlignment(String)
  case unknownTensorType(Int, tensor: String)
  case tooManyElements(tensor: String)
  case raggedRow(tensor: String, row: Int, block: Int)
  case misaligned(tensor: String, offset: Int, alignment: Int)
  case outsideFile(tensor: String, end: Int, size: Int)
  case unknownArchitecture(String, known: [String])
  case config(ConfigError)

  public var description: String {
    switch self {
    case .file(let error): "\(error)"
    case .badMagic(let found, let file):
      "\(file) is no GGUF file: it begins with the bytes \(found.map { "\($0)" }.joined(separator: " "))"
    case .byteSwapped(let file): "\(file) is a GGUF file for machines of the other byte order, which is not read"
    case .unsupportedVersion(let version, let file):
      "\(file) is a GGUF file of version \(version): versions 2 and 3 are read"
    case .truncated(let field, let offset, let missing):
      "the GGUF header ends inside \(field) at byte \(offset): \(missing) more bytes are needed"
    case .tooMany(let what, let count, let limit, let offset):
      "the GGUF header announces \(count) \(what) at byte \(offset): there can be at most \(limit)"
    case .unknownValueType(let type, let key, let offset):
      "the GGUF header gives \(key) a value of type \(type) at byte \(offset), which the format does not know"
    case .nestedTooDeeply(let key, let limit): "the GGUF header nests the arrays of \(key) more than \(limit) deep"
    case .invalidBoolean(let byte, let offset):
      "the GGUF header has the byte \(byte) at byte \(offset) where a boolean, 0 or 1, should be"
    case .duplicateKey(let key): "the GGUF header has the key \(key) twice"
    case .duplicateTensor(let name): "the GGUF header has the tensor \(name) twice"
    case .invalidAlignment(let text): "general.alignment of the GGUF header is \(text): it must be a power of two"
    case .unknownTensorType(let type, let tensor):
      "the tensor \(tensor) of the GGUF file has the type \(type), which is not known"
    case .tooManyElements(let tensor):
      "the shape of the tensor \(tensor) of the GGUF file has more elements than can be counted"
    case .raggedRow(let tensor, let row, let block):
      "the rows of the tensor \(tensor) of the GGUF file have \(row) elements, which is no multiple of a block's \(block)"
    case .misaligned(let tensor, let offset, let alignment):
      "the tensor \(tensor) of the GGUF file begins at \(offset), which is no multiple of the alignment, \(alignment)"
    case .outsideFile(let tensor, let end, let size):
      "the tensor \(tensor) of the GGUF file ends at byte \(end), and the file has \(size): it is cut off"
    case .unknownArchitecture(let name, let known):
      "the architecture \"\(name)\" of the GGUF file is not known; known are \(known.joined(separator: ", "))"
    case .config(let error): "\(error)"
    }
  }
}
