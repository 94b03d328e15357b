public import Bookkeeping

/// A tensor as a file's header lists it; its elements are not read.
public struct StoredTensor: Hashable, Sendable {
  public let name: String
  public let elementType: SafetensorsElementType
  /// Row-major, as in PyTorch.
  public let shape: Shape
  /// Where its bytes lie in ``file``, counted from the file's beginning.
  public let byteRange: Range<Int>
  public let file: String
}

/// The element types of the safetensors format.
public enum SafetensorsElementType: String, CaseIterable, Hashable, Sendable {
  case bool = "BOOL"
  case uint8 = "U8"
  case int8 = "I8"
  case uint16 = "U16"
  case int16 = "I16"
  case uint32 = "U32"
  case int32 = "I32"
  case uint64 = "U64"
  case int64 = "I64"
  case fp16 = "F16"
  case bf16 = "BF16"
  case fp32 = "F32"
  case fp64 = "F64"
  case complex64 = "C64"
  case fp8E4M3 = "F8_E4M3"
  case fp8E5M2 = "F8_E5M2"
  case fp8E8M0 = "F8_E8M0"
  case fp4 = "F4"
  case fp6E2M3 = "F6_E2M3"
  case fp6E3M2 = "F6_E3M2"

  /// Source: safetensors `src/tensor.rs`, `Dtype::bitsize`.
  public var bits: Int {
    switch self {
    case .fp4: 4
    case .fp6E2M3, .fp6E3M2: 6
    case .bool, .uint8, .int8, .fp8E4M3, .fp8E5M2, .fp8E8M0: 8
    case .uint16, .int16, .fp16, .bf16: 16
    case .uint32, .int32, .fp32: 32
    case .uint64, .int64, .fp64, .complex64: 64
    }
  }

  /// The format of the books, where they know it.
  public var format: ScalarFormat? {
    switch self {
    case .bool: .bool
    case .uint8: .uint8
    case .int8: .int8
    case .int16: .int16
    case .int32: .int32
    case .int64: .int64
    case .fp16: .fp16
    case .bf16: .bf16
    case .fp32: .fp32
    case .fp64: .fp64
    case .fp8E4M3, .fp8E5M2, .fp8E8M0: .fp8
    case .uint16, .uint32, .uint64, .complex64, .fp4, .fp6E2M3, .fp6E3M2: nil
    }
  }
}

/// The header of one safetensors file: names, types, shapes and places, checked against the file's size.
///
/// Layout: 8 bytes with the header's length N, N bytes of JSON, then the data, all of which belongs to exactly one
/// tensor. Source: <https://github.com/huggingface/safetensors#format> and `src/tensor.rs`, `Metadata::validate`.
public struct SafetensorsHeader: Hashable, Sendable {
  /// The longest header that the format allows.
  public static let longestHeader = 100_000_000

  public let file: String
  /// In the order of their places in the file.
  public let tensors: [StoredTensor]
  /// Free text that the file's maker left (`__metadata__`).
  public let metadata: [String: String]

  /// Reads the header of a file, and none of its weights.
  public init(path: String) throws(SafetensorsError) {
    let source: InputFile
    do { source = try InputFile(path) } catch { throw .file(error) }
    try self.init(source)
  }

  /// Reads the header of a file whose bytes are in memory.
  public init(bytes: [UInt8], name: String) throws(SafetensorsError) {
    try self.init(InputBytes(name: name, bytes: bytes))
  }

  init(_ source: any ByteSource) throws(SafetensorsError) {
    file = source.name
    guard source.size >= 8 else { throw .tooShort(file: file, size: source.size) }
    let lengthBytes = try source.bytes(at: 0, count: 8)
    let announced = lengthBytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard announced <= UInt64(SafetensorsHeader.longestHeader) else {
      throw .headerTooLong(file: file, length: announced, limit: SafetensorsHeader.longestHeader)
    }
    let length = Int(announced)
    guard length <= source.size - 8 else {
      throw .headerBeyondEnd(file: file, length: length, size: source.size)
    }
    let header = try source.bytes(at: 8, count: length)
    let document: JSONValue
    do { document = try JSONParser.parse(header) } catch { throw .notJSON(error, file: file) }
    let reader = HeaderReader(file: file, dataStart: 8 + length, dataSize: source.size - 8 - length)
    (tensors, metadata) = try reader.read(document)
  }
}

extension ByteSource {
  func bytes(at offset: Int, count: Int) throws(SafetensorsError) -> [UInt8] {
    do { return try read(at: offset, count: count) } catch { throw .file(error) }
  }
}

/// Turns the header's JSON into tensors and checks them against each other and the data.
private struct HeaderReader {
  let file: String
  let dataStart: Int
  let dataSize: Int

  func read(_ document: JSONValue) throws(SafetensorsError) -> ([StoredTensor], [String: String]) {
    guard let members = document.objectValue else {
      throw .malformed("the header is \(document.summary) where an object should be", file: file)
    }
    var tensors: [StoredTensor] = []
    var metadata: [String: String] = [:]
    for (name, value) in members {
      guard name == "__metadata__" else {
        tensors.append(try tensor(name, value))
        continue
      }
      guard let entries = value.objectValue else {
        throw .malformed("__metadata__ is \(value.summary) where an object should be", file: file)
      }
      for (key, entry) in entries {
        guard let text = entry.stringValue else {
          throw .malformed("__metadata__ holds \(entry.summary) under \(key) where a string should be", file: file)
        }
        metadata[key] = text
      }
    }
    tensors.sort { left, right in
      let (first, second) = (left.byteRange, right.byteRange)
      return (first.lowerBound, first.upperBound, left.name) < (second.lowerBound, second.upperBound, right.name)
    }
    try checkTiling(tensors)
    return (tensors, metadata)
  }

  private func tensor(_ name: String, _ value: JSONValue) throws(SafetensorsError) -> StoredTensor {
    func field(_ field: String) throws(SafetensorsError) -> JSONValue {
      guard let value = value[field] else {
        throw .wrongField(tensor: name, field: field, found: "absent", expected: "a value", file: file)
      }
      return value
    }
    let typeName = try field("dtype")
    guard let text = typeName.stringValue else {
      throw .wrongField(tensor: name, field: "dtype", found: typeName.summary, expected: "a string", file: file)
    }
    guard let type = SafetensorsElementType(rawValue: text) else {
      throw .unknownElementType(text, tensor: name, file: file)
    }
    let extents = try integers(try field("shape"), "shape", of: name)
    let range = try integers(try field("data_offsets"), "data_offsets", of: name)
    guard range.count == 2, range[0] <= range[1] else {
      throw .wrongField(
        tensor: name, field: "data_offsets", found: "\(range)", expected: "a beginning and an end", file: file)
    }
    guard range[1] <= dataSize else {
      throw .outsideFile(tensor: name, end: range[1], dataSize: dataSize, file: file)
    }
    let needed = try byteCount(extents, type, of: name)
    guard needed == range[1] - range[0] else {
      throw .wrongByteCount(tensor: name, stored: range[1] - range[0], needed: needed, file: file)
    }
    return StoredTensor(
      name: name, elementType: type, shape: Shape(extents), byteRange: dataStart + range[0]..<dataStart + range[1],
      file: file)
  }

  private func integers(_ value: JSONValue, _ field: String, of tensor: String) throws(SafetensorsError) -> [Int] {
    var integers: [Int] = []
    for element in value.arrayValue ?? [.null] {
      guard case .integer(let integer) = element, integer >= 0 else {
        let found = value.arrayValue == nil ? value.summary : "a list with \(element.summary)"
        throw .wrongField(
          tensor: tensor, field: field, found: found, expected: "a list of integers from 0 up", file: file)
      }
      integers.append(integer)
    }
    return integers
  }

  private func byteCount(
    _ extents: [Int], _ type: SafetensorsElementType, of tensor: String
  ) throws(SafetensorsError) -> Int {
    var bits = type.bits
    for extent in extents {
      let (product, overflows) = bits.multipliedReportingOverflow(by: extent)
      guard !overflows else { throw .tooManyElements(tensor: tensor, file: file) }
      bits = product
    }
    return bits / 8 + (bits % 8 == 0 ? 0 : 1)
  }

  /// Every byte of the data belongs to one tensor; `tensors` are in the order of their places.
  private func checkTiling(_ tensors: [StoredTensor]) throws(SafetensorsError) {
    var end = dataStart
    var last = ""
    for tensor in tensors {
      guard tensor.byteRange.lowerBound >= end else { throw .overlap(last, tensor.name, file: file) }
      guard tensor.byteRange.lowerBound == end else {
        throw .unclaimedBytes(from: end - dataStart, to: tensor.byteRange.lowerBound - dataStart, file: file)
      }
      end = tensor.byteRange.upperBound
      last = tensor.name
    }
    guard end == dataStart + dataSize else {
      throw .unclaimedBytes(from: end - dataStart, to: dataSize, file: file)
    }
  }
}
