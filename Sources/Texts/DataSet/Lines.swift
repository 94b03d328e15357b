/// The lines of a file or of bytes in memory, numbered from 1, read as they are asked for.
///
/// A line ends with LF or CRLF; a byte order mark before the first is dropped.
struct Lines {
  private let reader: FileReader?
  private var buffer: [UInt8]
  private var position = 0
  private var isAtEnd: Bool
  private(set) var number = 0

  init(_ bytes: [UInt8]) {
    reader = nil
    buffer = bytes
    isAtEnd = true
  }

  init(path: String) throws(TextFileError) {
    guard let reader = try FileReader(ifThere: path) else {
      throw TextFileError(path: path, reason: "there is no such file")
    }
    self.reader = reader
    buffer = []
    isAtEnd = false
  }

  /// The next line without its end; nil after the last.
  mutating func next() throws(TextFileError) -> (number: Int, bytes: [UInt8])? {
    var searched = position
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { position = end + 1 }
        return line(buffer[position..<end])
      }
      if isAtEnd {
        guard position < buffer.count else { return nil }
        defer { position = buffer.count }
        return line(buffer[position...])
      }
      searched = buffer.count - position
      buffer.removeSubrange(..<position)
      position = 0
      let chunk = try reader?.next(limit: 1 << 20) ?? []
      isAtEnd = chunk.isEmpty
      buffer += chunk
    }
  }

  private mutating func line(_ bytes: ArraySlice<UInt8>) -> (number: Int, bytes: [UInt8]) {
    number += 1
    var bytes = bytes
    if number == 1, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    return (number, Array(bytes))
  }
}
