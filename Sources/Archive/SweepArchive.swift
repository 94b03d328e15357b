import GRDB

/// The results of a sweep in one SQLite file, which holds every result that was stored whatever ends the process.
///
/// Results go in by batches, each a transaction of its write-ahead log: after a `kill -9` a batch is there or is not. A
/// point is known by a key of its contents, so that a sweep that was cut short or has grown finds what is there already.
/// Power failures may take the last batches (`synchronous = NORMAL`), never the file.
///
/// Tables: `sweep(name, value)`, `point(place, settings, key)`, `result(key, outcome)`.
public final class SweepArchive: Sendable {
  public let path: String
  private let queue: DatabaseQueue

  /// Marks a file as ours (`PRAGMA application_id`): "Plim".
  private static let application = 0x506c_696d
  /// The layout of the tables (`PRAGMA user_version`).
  private static let layout = 1

  private init(_ path: String, _ queue: DatabaseQueue) {
    self.path = path
    self.queue = queue
  }

  /// Opens or makes the archive of `sweep`; one that is there must be of the same identity.
  ///
  /// - Throws: ``ArchiveError``; a file that is refused is left as it is.
  public static func open(_ path: String, for sweep: ArchivedSweep) throws(ArchiveError) -> SweepArchive {
    let archive = try SweepArchive(path, connect(path))
    if try archive.isEmpty() {
      try archive.create(sweep)
    } else {
      let found = try archive.sweep()
      if let difference = found.difference(from: sweep) {
        throw .anotherSweep(
          path: path, what: difference.what, found: difference.first, wanted: difference.second)
      }
      if found != sweep { try archive.replaceGrid(with: sweep) }
    }
    try archive.startLog()
    return archive
  }

  /// Opens an archive that is there, of whatever sweep.
  public static func existing(_ path: String) throws(ArchiveError) -> SweepArchive {
    guard FilePresence.isThere(path) else { throw .noSuchFile(path: path) }
    let archive = try SweepArchive(path, connect(path))
    if try archive.isEmpty() { throw .notAnArchive(path: path) }
    _ = try archive.sweep()
    return archive
  }

  private static func connect(_ path: String) throws(ArchiveError) -> DatabaseQueue {
    var configuration = Configuration()
    // Another shard may be writing to the same file.
    configuration.busyMode = .timeout(60)
    do { return try DatabaseQueue(path: path, configuration: configuration) } catch {
      throw ArchiveError(error, path: path)
    }
  }

  // MARK: What it is of

  /// The sweep that the archive is of.
  public func sweep() throws(ArchiveError) -> ArchivedSweep {
    let values = try attempt { queue in
      try queue.read { database in
        let rows = try Row.fetchAll(database, sql: "SELECT name, value FROM sweep")
        return Dictionary(rows.map { ($0["name"] as String, $0["value"] as String) }, uniquingKeysWith: { $1 })
      }
    }
    guard let grid = values[Self.gridName], let count = values[Self.countName].flatMap(Int.init) else {
      throw .corrupted(path: path, reason: "it does not say what it is of")
    }
    return ArchivedSweep(
      identity: values.filter { ![Self.gridName, Self.countName].contains($0.key) }, grid: grid, count: count)
  }

  private static let gridName = "grid"
  private static let countName = "points"

  /// Whether nothing was written yet, as after a kill before the first transaction; checks that all else is sound.
  private func isEmpty() throws(ArchiveError) -> Bool {
    let (application, layout, tables) = try attempt { queue in
      try queue.read { database in
        try (
          Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0,
          Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0,
          Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        )
      }
    }
    if application == 0, tables == 0 { return true }
    guard application == Self.application else { throw .notAnArchive(path: path) }
    guard layout == Self.layout else { throw .otherLayout(path: path, found: layout, expected: Self.layout) }
    let complaint = try attempt { queue in
      try queue.read { try String.fetchOne($0, sql: "PRAGMA quick_check(1)") ?? "no answer" }
    }
    guard complaint == "ok" else {
      throw .corrupted(path: path, reason: complaint.split(separator: "\n").joined(separator: " "))
    }
    return false
  }

  private func create(_ sweep: ArchivedSweep) throws(ArchiveError) {
    try attempt { queue in
      try queue.write { database in
        // Another process may have been first.
        guard try !database.tableExists("sweep") else { return }
        try database.execute(
          sql: """
            PRAGMA application_id = \(Self.application);
            PRAGMA user_version = \(Self.layout);
            CREATE TABLE sweep (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
            CREATE TABLE point (place INTEGER PRIMARY KEY, settings TEXT NOT NULL, key TEXT NOT NULL);
            CREATE TABLE result (key TEXT PRIMARY KEY, outcome TEXT NOT NULL) WITHOUT ROWID;
            """)
        try Self.write(sweep, to: database)
      }
    }
  }

  private static func write(_ sweep: ArchivedSweep, to database: Database) throws {
    let members = sweep.identity.merging([gridName: sweep.grid, countName: "\(sweep.count)"]) { $1 }
    for (name, value) in members {
      try database.execute(sql: "INSERT OR REPLACE INTO sweep VALUES (?, ?)", arguments: [name, value])
    }
  }

  /// The grid has grown or shrunk: points have other places now, results stay.
  private func replaceGrid(with sweep: ArchivedSweep) throws(ArchiveError) {
    try attempt { queue in
      try queue.write { database in
        try database.execute(sql: "DELETE FROM point")
        try Self.write(sweep, to: database)
      }
    }
  }

  private func startLog() throws(ArchiveError) {
    try attempt { queue in
      try queue.writeWithoutTransaction { database in
        _ = try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL")
        try database.execute(sql: "PRAGMA synchronous = NORMAL")
      }
    }
  }

  // MARK: Points and results

  /// Writes down points of the grid; those that are there stay.
  public func add(_ points: [ArchivedPoint]) throws(ArchiveError) {
    try attempt { queue in
      try queue.write { database in
        let insert = try database.makeStatement(sql: "INSERT OR REPLACE INTO point VALUES (?, ?, ?)")
        for point in points { try insert.execute(arguments: [point.place, point.settings, point.key]) }
      }
    }
  }

  /// Stores results in one transaction: all of them or none.
  public func store(_ results: [ArchivedResult]) throws(ArchiveError) {
    guard !results.isEmpty else { return }
    try attempt { queue in
      try queue.write { database in
        let insert = try database.makeStatement(sql: "INSERT OR REPLACE INTO result VALUES (?, ?)")
        for result in results { try insert.execute(arguments: [result.key, result.outcome]) }
      }
    }
  }

  /// The points that were written down, by their place in the grid.
  public func points() throws(ArchiveError) -> [ArchivedPoint] {
    try attempt { queue in
      try queue.read { database in
        try Row.fetchAll(database, sql: "SELECT place, settings, key FROM point ORDER BY place").map {
          ArchivedPoint(place: $0["place"], settings: $0["settings"], key: $0["key"])
        }
      }
    }
  }

  /// Every stored outcome by its key.
  public func results() throws(ArchiveError) -> [String: String] {
    try attempt { queue in
      try queue.read { database in
        let rows = try Row.fetchAll(database, sql: "SELECT key, outcome FROM result")
        return Dictionary(rows.map { ($0["key"] as String, $0["outcome"] as String) }, uniquingKeysWith: { $1 })
      }
    }
  }

  /// Ends with the log folded into the file, so that one file is all there is to copy.
  public func close() throws(ArchiveError) { try attempt { try $0.close() } }

  private func attempt<Value>(_ body: (DatabaseQueue) throws -> Value) throws(ArchiveError) -> Value {
    do { return try body(queue) } catch { throw ArchiveError(error, path: path) }
  }
}

extension ArchivedSweep {
  /// The first member of the identity that differs, in the order of names.
  func difference(from other: ArchivedSweep) -> (what: String, first: String, second: String)? {
    for name in Set(identity.keys).union(other.identity.keys).sorted() where identity[name] != other.identity[name] {
      return (name, identity[name] ?? "", other.identity[name] ?? "")
    }
    return nil
  }
}

extension ArchiveError {
  /// What SQLite says, in this house's words.
  init(_ error: any Error, path: String) {
    guard let error = error as? DatabaseError else {
      self = (error as? ArchiveError) ?? .unavailable(path: path, reason: "\(error)")
      return
    }
    let message = error.message ?? "\(error.resultCode)"
    switch error.resultCode {
    case .SQLITE_NOTADB: self = .notAnArchive(path: path)
    case .SQLITE_CORRUPT, .SQLITE_FORMAT: self = .corrupted(path: path, reason: message)
    // A table that is not there.
    case .SQLITE_ERROR: self = .corrupted(path: path, reason: message)
    default: self = .unavailable(path: path, reason: message)
    }
  }
}
