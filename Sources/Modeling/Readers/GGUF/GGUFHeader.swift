public import Bookkeeping

/// A tensor as a GGUF header lists it; its elements are not read.
public struct GGUFTensor: Hashable, Sendable {
  public let name: String
  public let type: GGMLType
  /// Row-major, as in PyTorch: the file lists the extents the other way round.
  public let shape: Shape
  /// Where its bytes lie, counted from the file's beginning.
  public let byteRange: Range<Int>
}

/// The header of a GGUF file: metadata and the list of tensors, weights not read.
///
/// Layout: magic, version, counts; metadata as key, type, value; tensors as name, extents, type, offset; padding to the
/// alignment; data. Source: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.
public struct GGUFHeader: Hashable, Sendable {
  public let file: String
  public let version: Int
  /// Everything the file says about itself: hyperparameters, the tokenizer's vocabulary, merges and scores.
  public let metadata: [String: GGUFValue]
  /// In the order of the file.
  public let tensors: [GGUFTensor]
  /// What every tensor's offset is a multiple of.
  public let alignment: Int

  /// Reads the header of a file, and none of its weights.
  public init(path: String) throws(GGUFError) {
    let source: InputFile
    do { source = try InputFile(path) } catch { throw .file(error) }
    try self.init(source)
  }

  /// Reads the header of a file whose bytes are in memory.
  public init(bytes: [UInt8], name: String) throws(GGUFError) {
    try self.init(InputBytes(name: name, bytes: bytes))
  }

  init(_ source: any ByteSource) throws(GGUFError) {
    file = source.name
    var reader = GGUFReader(source)
    version = try reader.version(file: file)
    let tensorCount = try reader.count("tensors", limit: GGUFReader.mostTensors, smallest: GGUFReader.smallestTensor)
    let valueCount = try reader.count("metadata values", limit: GGUFReader.mostValues, smallest: 13)
    metadata = try reader.metadata(valueCount)
    alignment = try GGUFHeader.alignment(metadata)
    tensors = try reader.tensors(tensorCount, alignment: alignment, fileSize: source.size)
  }

  private static func alignment(_ metadata: [String: GGUFValue]) throws(GGUFError) -> Int {
    guard let value = metadata["general.alignment"] else { return 32 }
    guard let alignment = value.integerValue, alignment > 0, alignment <= 1 << 30, alignment.nonzeroBitCount == 1 else {
      throw .invalidAlignment(value.json.summary)
    }
    return alignment
  }
}
