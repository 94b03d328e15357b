/// Why a file could not be opened or read.
public enum FileError: Error, Hashable, CustomStringConvertible {
  case noSuchFile(path: String)
  /// The system's reason in its own words.
  case unreadable(path: String, reason: String)
  case notAFile(path: String)
  case tooLarge(path: String, size: Int, limit: Int)
  /// The file became shorter while it was read.
  case shrank(path: String)

  public var description: String {
    switch self {
    case .noSuchFile(let path): "\(path): there is no such file"
    case .unreadable(let path, let reason): "\(path) cannot be read: \(reason)"
    case .notAFile(let path): "\(path) is a folder or a device where a file should be"
    case .tooLarge(let path, let size, let limit):
      "\(path) is \(size) bytes long: such a file has at most \(limit)"
    case .shrank(let path): "\(path) became shorter while it was read"
    }
  }
}
