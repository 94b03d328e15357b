import Bookkeeping

/// Reads the parts of a GGUF header one after the other.
///
/// Every announced count is compared with the bytes that are left before anything is set aside for it.
struct GGUFReader {
  static let mostTensors = 1 << 20
  static let mostValues = 1 << 16
  /// Elements of all arrays together; a vocabulary of a quarter million with merges has under a million.
  static let mostElements = 1 << 24
  static let deepestArray = 4
  static let mostExtents = 8
  /// Name and its length, number of extents, type, offset.
  static let smallestTensor = 8 + 4 + 4 + 8

  private var reader: ByteReader
  private var elements = 0

  init(_ source: any ByteSource) { reader = ByteReader(source) }

  mutating func version(file: String) throws(GGUFError) -> Int {
    let magic = Array(try reader.bytes(4, "the magic number"))
    guard magic == Array("GGUF".utf8) else { throw .badMagic(found: magic, file: file) }
    let version = try reader.integer(UInt32.self, "the version")
    guard version == 2 || version == 3 else {
      if version.byteSwapped < 1 << 16 { throw .byteSwapped(file: file) }
      throw .unsupportedVersion(Int(version), file: file)
    }
    return Int(version)
  }

  /// A number of things that follow, each of at least `smallest` bytes.
  mutating func count(_ what: String, limit: Int, smallest: Int) throws(GGUFError) -> Int {
    let count = try reader.integer(UInt64.self, "the number of \(what)")
    guard count <= UInt64(limit) else {
      throw .tooMany(what: what, count: count, limit: limit, offset: reader.offset - 8)
    }
    let needed = Int(count) * smallest
    guard needed <= reader.remaining else {
      throw .truncated(
        reading: what, offset: reader.offset + reader.remaining, missing: needed - reader.remaining)
    }
    return Int(count)
  }

  // MARK: Metadata

  mutating func metadata(_ count: Int) throws(GGUFError) -> [String: GGUFValue] {
    var metadata: [String: GGUFValue] = [:]
    for _ in 0..<count {
      let key = try reader.string("a metadata key")
      let type = try valueType(of: key)
      let value = try value(type, of: key, depth: 0)
      guard metadata.updateValue(value, forKey: key) == nil else { throw .duplicateKey(key) }
    }
    return metadata
  }

  private mutating func valueType(of key: String) throws(GGUFError) -> GGUFValueType {
    let number = try reader.integer(UInt32.self, "the type of \(key)")
    guard let type = GGUFValueType(rawValue: number) else {
      throw .unknownValueType(Int(number), key: key, offset: reader.offset - 4)
    }
    return type
  }

  private mutating func value(_ type: GGUFValueType, of key: String, depth: Int) throws(GGUFError) -> GGUFValue {
    switch type {
    case .uint8: return .integer(Int(try reader.integer(UInt8.self, key)))
    case .int8: return .integer(Int(Int8(bitPattern: try reader.integer(UInt8.self, key))))
    case .uint16: return .integer(Int(try reader.integer(UInt16.self, key)))
    case .int16: return .integer(Int(Int16(bitPattern: try reader.integer(UInt16.self, key))))
    case .uint32: return .integer(Int(try reader.integer(UInt32.self, key)))
    case .int32: return .integer(Int(Int32(bitPattern: try reader.integer(UInt32.self, key))))
    case .uint64:
      let value = try reader.integer(UInt64.self, key)
      return Int(exactly: value).map(GGUFValue.integer) ?? .unsigned(value)
    case .int64: return .integer(Int(Int64(bitPattern: try reader.integer(UInt64.self, key))))
    case .float32:
      let value = Float(bitPattern: try reader.integer(UInt32.self, key))
      // A scalar's shortest spelling; arrays of scores are long, and nobody reads their digits.
      return .number(depth == 0 ? Double("\(value)") ?? Double(value) : Double(value))
    case .float64: return .number(Double(bitPattern: try reader.integer(UInt64.self, key)))
    case .bool:
      let byte = try reader.integer(UInt8.self, key)
      guard byte <= 1 else { throw .invalidBoolean(Int(byte), offset: reader.offset - 1) }
      return .bool(byte == 1)
    case .string: return .string(try reader.string(key))
    case .array: return try array(of: key, depth: depth)
    }
  }

  private mutating func array(of key: String, depth: Int) throws(GGUFError) -> GGUFValue {
    guard depth < GGUFReader.deepestArray else {
      throw .nestedTooDeeply(key: key, limit: GGUFReader.deepestArray)
    }
    let type = try valueType(of: key)
    let count = try count("elements of \(key)", limit: GGUFReader.mostElements - elements, smallest: type.smallest)
    elements += count
    var values: [GGUFValue] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try value(type, of: key, depth: depth + 1)) }
    return .array(values)
  }

  // MARK: Tensors

  private struct Listing {
    let name: String
    let type: GGMLType
    let shape: Shape
    let size: Int
    let offset: UInt64
  }

  mutating func tensors(_ count: Int, alignment: Int, fileSize: Int) throws(GGUFError) -> [GGUFTensor] {
    var listings: [Listing] = []
    var names: Set<String> = []
    for _ in 0..<count {
      let listing = try listing()
      guard names.insert(listing.name).inserted else { throw .duplicateTensor(listing.name) }
      listings.append(listing)
    }
    // The data begins at the first aligned byte after the header; a file without tensors may end before it.
    let dataStart = (reader.offset + alignment - 1) / alignment * alignment
    var tensors: [GGUFTensor] = []
    for listing in listings {
      guard listing.offset.isMultiple(of: UInt64(alignment)) else {
        throw .misaligned(tensor: listing.name, offset: Int(clamping: listing.offset), alignment: alignment)
      }
      let start = Int(clamping: listing.offset).addingReportingOverflow(dataStart)
      let end = start.partialValue.addingReportingOverflow(listing.size)
      guard !start.overflow, !end.overflow, end.partialValue <= fileSize else {
        let isCountable = !start.overflow && !end.overflow
        throw .outsideFile(tensor: listing.name, end: isCountable ? end.partialValue : .max, size: fileSize)
      }
      tensors.append(
        GGUFTensor(
          name: listing.name, type: listing.type, shape: listing.shape,
          byteRange: start.partialValue..<end.partialValue))
    }
    return tensors
  }

  private mutating func listing() throws(GGUFError) -> Listing {
    let name = try reader.string("tensor name")
    let rank = try reader.integer(UInt32.self, "the number of extents of \(name)")
    guard rank <= UInt32(GGUFReader.mostExtents) else {
      throw .tooMany(
        what: "extents of \(name)", count: UInt64(rank), limit: GGUFReader.mostExtents, offset: reader.offset - 4)
    }
    var extents: [Int] = []
    var elements = 1
    for _ in 0..<rank {
      let extent = try reader.integer(UInt64.self, "the extents of \(name)")
      let (product, overflows) = elements.multipliedReportingOverflow(by: Int(clamping: extent))
      // No type has more than 8 bytes an element, so the bytes can be counted too.
      guard extent <= UInt64(Int.max), !overflows, product <= 1 << 56 else { throw .tooManyElements(tensor: name) }
      extents.append(Int(extent))
      elements = product
    }
    let number = try reader.integer(UInt32.self, "the type of \(name)")
    guard let type = GGMLType(number: Int(number)) else { throw .unknownTensorType(Int(number), tensor: name) }
    let row = extents.first ?? 1
    guard row.isMultiple(of: type.blockElements) else {
      throw .raggedRow(tensor: name, row: row, block: type.blockElements)
    }
    return Listing(
      name: name, type: type, shape: Shape(extents.reversed()),
      size: elements / type.blockElements * type.blockBytes.count,
      offset: try reader.integer(UInt64.self, "the offset of \(name)"))
  }
}
