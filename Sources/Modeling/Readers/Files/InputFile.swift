#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Bytes that are read piece by piece: a file, or an array that stands for one.
protocol ByteSource {
  var name: String { get }
  var size: Int { get }

  /// Exactly `count` bytes, which the caller has checked to lie within ``size``.
  func read(at offset: Int, count: Int) throws(FileError) -> [UInt8]
}

/// A file that is open for reading; only what is asked for is read, so weights of any size cost nothing.
final class InputFile: ByteSource {
  let name: String
  let size: Int
  private let descriptor: Int32

  init(_ path: String) throws(FileError) {
    // A path with a zero byte would name another file to the system than to the reader of a message.
    guard !path.utf8.contains(0) else { throw .noSuchFile(path: path) }
    // Not to wait for a writer, should the path be a pipe.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw InputFile.failure(path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let error = InputFile.failure(path)
      close(descriptor)
      throw error
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw .notAFile(path: path)
    }
    name = path
    size = Int(status.st_size)
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
    var filled = 0
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      while filled < count {
        let got = pread(descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(offset + filled))
        if got < 0, errno == EINTR { continue }
        if got < 0 { code = errno }
        guard got > 0 else { break }
        filled += got
      }
      initialized = filled
    }
    guard code == 0 else { throw .unreadable(path: name, reason: String(cString: strerror(code))) }
    guard filled == count else { throw .shrank(path: name) }
    return bytes
  }

  /// The whole of a file that is expected to be small.
  static func contents(of path: String, limit: Int) throws(FileError) -> [UInt8] {
    let file = try InputFile(path)
    guard file.size <= limit else { throw .tooLarge(path: path, size: file.size, limit: limit) }
    return try file.read(at: 0, count: file.size)
  }

  fileprivate static func failure(_ path: String) -> FileError {
    let code = errno
    return code == ENOENT || code == ENOTDIR || code == ENAMETOOLONG
      ? .noSuchFile(path: path) : .unreadable(path: path, reason: String(cString: strerror(code)))
  }
}

/// Bytes in memory where a file is expected.
struct InputBytes: ByteSource {
  let name: String
  let bytes: [UInt8]

  var size: Int { bytes.count }

  func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] { Array(bytes[offset..<offset + count]) }
}

/// What stands at a path.
enum PathKind {
  case file, folder, nothing

  init(_ path: String) {
    var status = stat()
    guard !path.utf8.contains(0), stat(path, &status) == 0 else {
      self = .nothing
      return
    }
    self = status.st_mode & S_IFMT == S_IFDIR ? .folder : .file
  }
}

/// The names of the files in a folder, sorted.
func namesOfFiles(in folder: String) throws(FileError) -> [String] {
  guard let stream = opendir(folder) else { throw InputFile.failure(folder) }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}
