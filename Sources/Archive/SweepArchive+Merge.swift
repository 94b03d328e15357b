extension SweepArchive {
  /// Checks that another archive is of the same grid, so that the two can be put together.
  ///
  /// - Throws: ``ArchiveError/differentSweeps(path:other:what:found:wanted:)``, with what differs.
  public func require(sameSweepAs other: SweepArchive) throws(ArchiveError) {
    let (ours, theirs) = (try sweep(), try other.sweep())
    if let difference = ours.difference(from: theirs) {
      throw .differentSweeps(
        path: path, other: other.path, what: difference.what, found: difference.first, wanted: difference.second)
    }
    guard ours == theirs else {
      throw .differentSweeps(path: path, other: other.path, what: "grid", found: ours.grid, wanted: theirs.grid)
    }
  }

  /// Takes in the points and results of another archive of the same grid.
  public func merge(_ other: SweepArchive) throws(ArchiveError) {
    try require(sameSweepAs: other)
    try add(other.points())
    let results = try other.results().map { ArchivedResult(key: $0.key, outcome: $0.value) }
    try store(results.sorted { $0.key < $1.key })
  }
}
