/// Why an archive could not be used: what is wrong with which file, and what to do.
public enum ArchiveError: Error, Hashable, CustomStringConvertible {
  case noSuchFile(path: String)
  /// A file of something else, which is left as it is.
  case notAnArchive(path: String)
  /// An archive whose tables another version of the program made.
  case otherLayout(path: String, found: Int, expected: Int)
  /// Pages that contradict each other, as after a broken disk or a copy that was cut off.
  case corrupted(path: String, reason: String)
  /// The results of another sweep, or of another build, that must not be mixed with these.
  case anotherSweep(path: String, what: String, found: String, wanted: String)
  /// Two archives that should be shards of one sweep, and are not.
  case differentSweeps(path: String, other: String, what: String, found: String, wanted: String)
  case unavailable(path: String, reason: String)

  public var description: String {
    switch self {
    case .noSuchFile(let path): "\(path): there is no such archive"
    case .notAnArchive(let path):
      "\(path) is no archive of a sweep, and is left as it is: name another --archive"
    case .otherLayout(let path, let found, let expected):
      "\(path) has tables of layout \(found), and this program writes layout \(expected): name another --archive"
    case .corrupted(let path, let reason):
      "\(path) is damaged (\(reason)), and is left as it is: name another --archive, or restore it from a copy"
    case .anotherSweep(let path, let what, let found, let wanted):
      "\(path) holds another sweep: its \(what) is \(ArchiveError.quoted(found)), not \(ArchiveError.quoted(wanted)): "
        + "name another --archive"
    case .differentSweeps(let path, let other, let what, let found, let wanted):
      "\(path) and \(other) are of different sweeps: their \(what) is \(ArchiveError.quoted(found)) and "
        + "\(ArchiveError.quoted(wanted))"
    case .unavailable(let path, let reason): "\(path) cannot be used: \(reason)"
    }
  }

  private static func quoted(_ text: String) -> String { text.isEmpty ? "empty" : "\"\(text)\"" }
}
