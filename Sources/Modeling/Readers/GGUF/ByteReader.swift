/// A cursor over little-endian bytes; whatever is missing is said with the field that was being read.
///
/// Holds a window of the source and not the source, so that a header in front of gigabytes costs its own size.
struct ByteReader {
  private static let windowSize = 1 << 18

  private let source: any ByteSource
  private var window: [UInt8] = []
  private var windowStart = 0
  /// The next byte to be read, counted from the beginning of the source.
  private(set) var offset = 0

  init(_ source: any ByteSource) { self.source = source }

  /// Bytes that are left.
  var remaining: Int { source.size - offset }

  /// Sees to it that the next `count` bytes are in the window.
  private mutating func fill(_ count: Int, _ field: () -> String) throws(GGUFError) {
    // Cheap while the cursor is inside the window; after a skip it may be beyond.
    guard offset > windowStart + window.count || count > windowStart + window.count - offset else { return }
    guard count <= remaining else {
      throw .truncated(reading: field(), offset: source.size, missing: count - remaining)
    }
    do {
      window = try source.read(at: offset, count: min(max(count, ByteReader.windowSize), remaining))
    } catch {
      throw .file(error)
    }
    windowStart = offset
  }

  /// The next `count` bytes.
  mutating func bytes(_ count: Int, _ field: @autoclosure () -> String) throws(GGUFError) -> ArraySlice<UInt8> {
    try fill(count, field)
    let start = offset - windowStart
    offset += count
    return window[start..<start + count]
  }

  /// Passes over `count` bytes without reading them.
  mutating func skip(_ count: Int, _ field: @autoclosure () -> String) throws(GGUFError) {
    guard count <= remaining else {
      throw .truncated(reading: field(), offset: source.size, missing: count - remaining)
    }
    offset += count
  }

  /// The next integer, of as many bytes as its type has.
  mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type = Value.self, _ field: @autoclosure () -> String
  ) throws(GGUFError) -> Value {
    let count = Value.bitWidth / 8
    try fill(count, field)
    // A loop over the window and not a slice of it: vocabularies make this the reader's innermost step.
    let start = offset - windowStart
    var value: Value = 0
    for index in 0..<count { value |= Value(truncatingIfNeeded: window[start + index]) << (8 * index) }
    offset += count
    return value
  }

  /// The next string: its length in 8 bytes, then UTF-8, of which anything invalid is replaced.
  mutating func string(_ field: @autoclosure () -> String) throws(GGUFError) -> String {
    String(decoding: try bytes(try length(field()), field()), as: UTF8.self)
  }

  /// Passes over the next string.
  mutating func skipString(_ field: @autoclosure () -> String) throws(GGUFError) {
    try skip(try length(field()), field())
  }

  private mutating func length(_ field: @autoclosure () -> String) throws(GGUFError) -> Int {
    let length = try integer(UInt64.self, field())
    guard length <= UInt64(remaining) else {
      let missing = length - UInt64(remaining)
      throw .truncated(reading: field(), offset: source.size, missing: Int(clamping: missing))
    }
    return Int(length)
  }
}
