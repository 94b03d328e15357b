#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file that is read from its beginning, a chunk at a time.
final class FileReader {
  private let path: String
  private let descriptor: Int32

  /// Opens the file at `path`; nil where there is none.
  init?(ifThere path: String) throws(TextFileError) {
    guard !path.utf8.contains(0) else { return nil }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      if code == ENOENT || code == ENOTDIR { return nil }
      throw TextFileError(path: path, reason: String(cString: strerror(code)))
    }
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// The next bytes, at most `limit`; none at the end.
  func next(limit: Int) throws(TextFileError) -> [UInt8] {
    var code: Int32 = 0
    let chunk = [UInt8](unsafeUninitializedCapacity: limit) { buffer, initialized in
      var got = read(descriptor, buffer.baseAddress, limit)
      while got < 0, errno == EINTR { got = read(descriptor, buffer.baseAddress, limit) }
      if got < 0 { code = errno }
      initialized = max(got, 0)
    }
    if code != 0 { throw TextFileError(path: path, reason: String(cString: strerror(code))) }
    return chunk
  }

  /// The whole of the file at `path`; nil where there is none.
  static func contents(ifThere path: String) throws(TextFileError) -> [UInt8]? {
    guard let reader = try FileReader(ifThere: path) else { return nil }
    var bytes: [UInt8] = []
    while true {
      let chunk = try reader.next(limit: 1 << 20)
      if chunk.isEmpty { return bytes }
      bytes += chunk
    }
  }
}

/// Why a file could not be read, in the system's words.
public struct TextFileError: Error, Hashable, Sendable, CustomStringConvertible {
  public let path: String
  public let reason: String

  public init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  public var description: String { "\(path) cannot be read: \(reason)" }
}
