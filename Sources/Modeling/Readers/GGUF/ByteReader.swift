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

  /// The next `count` bytes.
  mutating func bytes(_ count: Int, _ field: @autoclosure () -> String) throws(GGUFError) -> ArraySlice<UInt8> {
    guard count <= remaining else {
      throw .truncated(reading: field(), offset: source.size, missing: count - remaining)
    }
    if offset < windowStart || offset + count > windowStart + window.count {
      do {
        window = try source.read(at: offset, count: min(max(count, ByteReader.windowSize), remaining))
      } catch {
        throw .file(error)
      }
      windowStart = offset
    }
    let start = offset - windowStart
    offset += count
    return window[start..<start + count]
  }

  /// The next integer, of as many bytes as its type has.
  mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type = Value.self, _ field: @autoclosure () -> String
  ) throws(GGUFError) -> Value {
    try bytes(Value.bitWidth / 8, field()).reversed().reduce(0) { $0 << 8 | Value($1) }
  }

  /// The next string: its length in 8 bytes, then UTF-8, of which anything invalid is replaced.
  mutating func string(_ field: @autoclosure () -> String) throws(GGUFError) -> String {
    let length = try integer(UInt64.self, field())
    guard length <= UInt64(remaining) else {
      let missing = length - UInt64(remaining)
      throw .truncated(reading: field(), offset: source.size, missing: Int(clamping: missing))
    }
    return String(decoding: try bytes(Int(length), field()), as: UTF8.self)
  }
}
