#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The folder of a run: what of it is finished, and how things get in and out of it.
enum RunFolder {
  /// Steps of the states in `folder`, oldest first.
  ///
  /// Unfinished ones have another name and do not count.
  static func savedSteps(in folder: String) -> [Int] {
    names(in: folder).compactMap { name in
      name.hasPrefix(RunState.prefix) ? Int(name.dropFirst(RunState.prefix.count)) : nil
    }.sorted()
  }

  /// What a state is called until it is whole.
  static func draftName(of name: String) -> String { "." + name + draftSuffix }

  private static let draftSuffix = ".part"

  /// Removes states that a process left unfinished; one that cannot be removed is in nobody's way.
  static func removeDrafts(in folder: String) {
    for name in names(in: folder) where name.hasPrefix("." + RunState.prefix) && name.hasSuffix(draftSuffix) {
      try? remove(folder + "/" + name)
    }
  }

  /// Removes a folder and the plain files in it; nothing happens if it isn't there.
  static func remove(_ folder: String) throws(WeightFileError) {
    for name in names(in: folder) { unlink(folder + "/" + name) }
    guard rmdir(folder) == 0 || errno == ENOENT else { throw failure(folder) }
  }

  private static func names(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  /// Renames a finished folder into place, over an older one of that name.
  static func move(_ draft: String, to path: String) throws(WeightFileError) {
    try remove(path)
    guard rename(draft, path) == 0 else { throw failure(path) }
    let slash = path.lastIndex(of: "/")
    let parent = open(slash.map { String(path[..<$0]) } ?? ".", O_RDONLY | O_CLOEXEC)
    if parent >= 0 {
      fsync(parent)
      close(parent)
    }
  }

  private static func failure(_ path: String) -> WeightFileError {
    .cannotWrite(path: path, reason: String(cString: strerror(errno)))
  }
}
