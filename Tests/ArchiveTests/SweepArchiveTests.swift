import Archive
import Foundation
import GRDB
import Testing

@Suite struct `The archive of a sweep` {
  @Test func `keeps what was stored, and finds it again`() throws {
    try withFolder { folder in
      let path = folder + "/a.sqlite"
      let first = try SweepArchive.open(path, for: sweep())
      try first.add([
        ArchivedPoint(place: 1, settings: "b", key: "k1"), ArchivedPoint(place: 0, settings: "a", key: ""),
      ])
      try first.store([ArchivedResult(key: "k1", outcome: "one")])
      try first.close()
      let again = try SweepArchive.open(path, for: sweep())
      #expect(try again.results() == ["k1": "one"])
      #expect(try again.points().map(\.place) == [0, 1])
      #expect(try again.sweep() == sweep())
    }
  }

  @Test func `a grid that has grown keeps its results, and loses the places`() throws {
    try withFolder { folder in
      let path = folder + "/a.sqlite"
      let first = try SweepArchive.open(path, for: sweep())
      try first.add([ArchivedPoint(place: 0, settings: "a", key: "k")])
      try first.store([ArchivedResult(key: "k", outcome: "one")])
      try first.close()
      let grown = try SweepArchive.open(path, for: sweep(grid: "larger", count: 9))
      #expect(try grown.points().isEmpty)
      #expect(try grown.results() == ["k": "one"])
      #expect(try grown.sweep().count == 9)
    }
  }

  @Test func `another sweep is refused, by what differs, and stays as it is`() throws {
    try withFolder { folder in
      let path = folder + "/a.sqlite"
      try SweepArchive.open(path, for: sweep()).close()
      let before = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(throws: ArchiveError.anotherSweep(path: path, what: "program", found: "1", wanted: "2")) {
        try SweepArchive.open(path, for: sweep(program: "2"))
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }
  }

  @Test(arguments: ["a text of somebody", "SQLite format 3\u{0} and then nothing of the kind"])
  func `a file of something else is refused, and stays as it is`(text: String) throws {
    try withFolder { folder in
      let path = folder + "/a.sqlite"
      let bytes = Data(String(repeating: text, count: 100).utf8)
      try bytes.write(to: URL(fileURLWithPath: path))
      #expect(throws: ArchiveError.self) { try SweepArchive.open(path, for: sweep()) }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
    }
  }

  @Test func `somebody else's database is refused, and stays as it is`() throws {
    try withFolder { folder in
      let path = folder + "/a.sqlite"
      let other = try DatabaseQueue(path: path)
      try other.write { try $0.execute(sql: "CREATE TABLE mine (x)") }
      try other.close()
      let before = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(throws: ArchiveError.notAnArchive(path: path)) { try SweepArchive.open(path, for: sweep()) }
      #expect(throws: ArchiveError.notAnArchive(path: path)) { try SweepArchive.existing(path) }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }
  }

  @Test func `a damaged archive is refused`() throws {
    try withFolder { folder in
      let path = folder + "/a.sqlite"
      let archive = try SweepArchive.open(path, for: sweep())
      try archive.store(
        (0..<2000).map { ArchivedResult(key: "key \($0)", outcome: String(repeating: "x", count: 100)) })
      try archive.close()
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      try #require(bytes.count > 100_000)
      // Pages in the middle of the tree of results, and what a copy that was cut off lacks.
      bytes.replaceSubrange(40_000..<60_000, with: Data(repeating: 0x5a, count: 20_000))
      try bytes.write(to: URL(fileURLWithPath: path))
      expectCorrupted(path)
      try bytes.prefix(50_000).write(to: URL(fileURLWithPath: path))
      expectCorrupted(path)
    }
  }

  private func expectCorrupted(_ path: String) {
    let error = #expect(throws: ArchiveError.self) { try SweepArchive.open(path, for: sweep()) }
    if case .corrupted? = error { return }
    Issue.record("\(String(describing: error))")
  }

  @Test func `an empty file becomes an archive: a kill can come before the first table`() throws {
    try withFolder { folder in
      let path = folder + "/a.sqlite"
      try Data().write(to: URL(fileURLWithPath: path))
      let archive = try SweepArchive.open(path, for: sweep())
      #expect(try archive.results().isEmpty)
    }
  }

  @Test func `an archive that is not there is not made by asking for it`() throws {
    try withFolder { folder in
      let path = folder + "/none.sqlite"
      #expect(throws: ArchiveError.noSuchFile(path: path)) { try SweepArchive.existing(path) }
      #expect(!FileManager.default.fileExists(atPath: path))
      #expect(throws: ArchiveError.self) { try SweepArchive.open(folder + "/no/folder/a.sqlite", for: sweep()) }
    }
  }

  @Test func `shards of one sweep come together, those of two do not`() throws {
    try withFolder { folder in
      let shards = try (0..<3).map { number in
        let shard = try SweepArchive.open("\(folder)/\(number).sqlite", for: sweep())
        try shard.add([ArchivedPoint(place: number, settings: "p\(number)", key: "k\(number)")])
        try shard.store([ArchivedResult(key: "k\(number)", outcome: "o\(number)")])
        return shard
      }
      let whole = try SweepArchive.open(folder + "/whole.sqlite", for: sweep())
      for shard in shards.reversed() { try whole.merge(shard) }
      #expect(try whole.points().map(\.settings) == ["p0", "p1", "p2"])
      #expect(try whole.results() == ["k0": "o0", "k1": "o1", "k2": "o2"])
      let other = try SweepArchive.open(folder + "/other.sqlite", for: sweep(grid: "another"))
      #expect(throws: ArchiveError.self) { try whole.merge(other) }
      #expect(try whole.results().count == 3)
    }
  }

  private func sweep(program: String = "1", grid: String = "grid", count: Int = 3) -> ArchivedSweep {
    ArchivedSweep(identity: ["program": program, "kind": "planned"], grid: grid, count: count)
  }

  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/plimsoll-archive-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }
}
