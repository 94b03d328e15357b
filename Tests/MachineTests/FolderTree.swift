import FoundationEssentials

/// A folder tree with text files, removed at the end of the owner's scope.
struct FolderTree: ~Copyable {
  let path: String

  /// - Parameter files: paths relative to the tree, and their texts.
  init(_ files: [String: String]) throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "plimsoll-\(UUID().uuidString)")
    for (name, text) in files {
      let file = root.appending(path: name)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    path = root.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
