#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A file that could not be written.
struct OutputFileError: Error, CustomStringConvertible {
  let path: String
  let code: Int32

  var description: String {
    let reason = strerror(code).map { String(cString: $0) } ?? "error \(code)"
    return "\(path) cannot be written: \(reason)"
  }
}

/// Files that a command writes beside what it prints.
enum OutputFile {
  /// Makes a folder and those above it, where they are missing.
  static func makeFolder(_ path: String) throws(OutputFileError) {
    var partial = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      partial += partial.isEmpty || partial.hasSuffix("/") ? String(part) : "/" + part
      if mkdir(partial, 0o755) != 0, errno != EEXIST { throw OutputFileError(path: path, code: errno) }
    }
  }

  /// Makes a folder where it is missing, and fails if nothing can be written into it.
  static func requireFolder(_ path: String) throws(OutputFileError) {
    try makeFolder(path)
    guard access(path + "/.", W_OK | X_OK) == 0 else { throw OutputFileError(path: path, code: errno) }
  }

  /// Whether two paths lead to one folder that is there.
  static func isSameFolder(_ path: String, as other: String) -> Bool {
    var (first, second) = (stat(), stat())
    guard stat(path, &first) == 0, stat(other, &second) == 0 else { return false }
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino
  }

  /// Writes `text` into `folder`, made if need be: beside the old file first, then in its place in one move, so that
  /// whatever happens one of the two is whole.
  static func write(_ text: String, to folder: String, named name: String) throws(OutputFileError) {
    try makeFolder(folder)
    let path = folder + "/" + name
    let draft = path + ".part"
    guard let file = fopen(draft, "w") else { throw OutputFileError(path: draft, code: errno) }
    let bytes = Array(text.utf8)
    let written = fwrite(bytes, 1, bytes.count, file)
    let isFlushed = fflush(file) == 0 && fsync(fileno(file)) == 0
    let code = errno
    fclose(file)
    guard written == bytes.count, isFlushed else { throw OutputFileError(path: draft, code: code) }
    guard rename(draft, path) == 0 else { throw OutputFileError(path: path, code: errno) }
  }
}
