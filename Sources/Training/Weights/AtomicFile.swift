#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file that appears under its name complete or not at all.
///
/// It is written beside its place under a passing name, then brought to the disk and renamed. Ended without
/// ``commit()``, nothing of it stays, and a file that bore the name before is untouched.
struct AtomicFile: ~Copyable {
  let path: String
  private let passingPath: String
  private let descriptor: Int32
  private var isCommitted = false

  init(_ path: String) throws(WeightFileError) {
    guard !path.utf8.contains(0) else { throw .cannotWrite(path: path, reason: "its name holds a zero byte") }
    let passingPath = "\(path).\(getpid()).part"
    // What a process of this number left behind when it was killed goes first; then exclusively, so that a link that
    // someone puts there is not followed.
    unlink(passingPath)
    let descriptor = open(passingPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw AtomicFile.failure(path) }
    self.path = path
    self.passingPath = passingPath
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
    if !isCommitted { unlink(passingPath) }
  }

  /// Appends bytes.
  mutating func write(_ bytes: RawSpan) throws(WeightFileError) {
    var written = 0
    while written < bytes.byteCount {
      let count = bytes.withUnsafeBytes { buffer in
        buffer.baseAddress.map { systemWrite(descriptor, $0 + written, buffer.count - written) } ?? 0
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw AtomicFile.failure(path) }
      written += count
    }
  }

  mutating func write(_ text: String) throws(WeightFileError) {
    let bytes = Array(text.utf8)
    try write(bytes.span.bytes)
  }

  /// Gives the file its name, once all of it is on the disk.
  consuming func commit() throws(WeightFileError) {
    guard fsync(descriptor) == 0, rename(passingPath, path) == 0 else { throw AtomicFile.failure(path) }
    isCommitted = true
    let slash = path.lastIndex(of: "/")
    let folder = open(slash.map { String(path[...$0]) } ?? ".", O_RDONLY | O_CLOEXEC)
    // The name itself is on the disk when the folder is; some file systems cannot say so, and then it has to do.
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }

  /// Writes a whole file of text.
  static func write(_ text: String, to path: String) throws(WeightFileError) {
    var file = try AtomicFile(path)
    try file.write(text)
    try file.commit()
  }

  /// Makes a folder, and those above it, where there is none.
  static func makeFolder(_ path: String) throws(WeightFileError) {
    guard !path.utf8.contains(0) else { throw .cannotWrite(path: path, reason: "its name holds a zero byte") }
    var partial = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      partial += partial.isEmpty || partial.hasSuffix("/") ? String(part) : "/" + part
      if mkdir(partial, 0o755) != 0, errno != EEXIST { throw failure(path) }
    }
    var status = stat()
    guard stat(path.isEmpty ? "." : path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw .cannotWrite(path: path, reason: "there is a file of this name")
    }
  }

  private static func failure(_ path: String) -> WeightFileError {
    .cannotWrite(path: path, reason: String(cString: strerror(errno)))
  }
}

/// The system's call, whose name the methods above have too.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
