import Archive
import Bookkeeping
import Configurations
import Foundation
import Modeling
import Planning
import Reporting
import Synchronization

/// One sweep from its grid to its report, with or without an archive.
struct SweepSession {
  let grid: SweepGrid
  let mode: SweepMode
  let shard: SweepShard
  let jobs: Int
  let archivePath: String?
  /// Whether runs that failed are tried again.
  let retriesFailures: Bool
  /// Whether planned points say how far their memory may go.
  let hasIntervals: Bool

  /// Everything to compute, each thing once, and who asks for it.
  private struct Work {
    var points: [SweepPoint] = []
    var tasks: [SweepTask] = []
    /// The task of each point; `nil` where it was refused.
    var taskOfPoint: [Int?] = []
    /// Places that ask the same as an earlier one, because the method has no use for what differs.
    var collapsed: [Int] = []
  }

  func run() throws -> SweepReport {
    let work = try read()
    let outcomes = Mutex<[SweepOutcome?]>(Array(repeating: nil, count: work.tasks.count))
    let lock = try mode.isRun ? archivePath.map { try SweepLock(beside: $0) } : nil
    defer { withExtendedLifetime(lock) {} }
    let keys = try archivePath == nil ? [] : keys(of: work.tasks)
    let archive = try open(work, keys)
    if let archive {
      let known = try archive.results()
      for (place, key) in keys.enumerated() {
        guard let outcome = known[key].flatMap(Self.outcome) else { continue }
        if retriesFailures, case .failed = outcome { continue }
        outcomes.withLock { $0[place] = outcome }
      }
    }
    let missing = outcomes.withLock { outcomes in outcomes.indices.filter { outcomes[$0] == nil } }
    if archive != nil, missing.count < work.tasks.count {
      StandardError.write(
        "\(Fixed.grouped(work.tasks.count - missing.count)) of \(Fixed.grouped(work.tasks.count)) points are in the archive"
      )
    }
    let progress = SweepProgress(
      total: work.tasks.count, known: work.tasks.count - missing.count, tell: StandardError.write)
    try SweepExecution(mode: mode, jobs: jobs, detail: hasIntervals ? .intervals : .expected).run(
      missing.map { work.tasks[$0] }, progress
    ) { batch in
      try archive?.store(
        batch.map { ArchivedResult(key: keys[missing[$0.0]], outcome: $0.1.json.line) })
      outcomes.withLock { outcomes in for (place, outcome) in batch { outcomes[missing[place]] = outcome } }
    }
    try archive?.close()
    return report(work, outcomes.withLock { $0 })
  }

  // MARK: Reading

  private func read() throws -> Work {
    var reader = try PointReader(grid, mode)
    var work = Work()
    var places: [SweepTask.Identity: Int] = [:]
    for place in 0..<grid.count where shard.contains(place) {
      guard let point = try reader.point(at: place) else {
        work.collapsed.append(place)
        continue
      }
      work.points.append(point)
      guard case .task(let task) = point.asked else {
        work.taskOfPoint.append(nil)
        continue
      }
      let number = places[task.identity(mode), default: work.tasks.count]
      if number == work.tasks.count {
        places[task.identity(mode)] = number
        work.tasks.append(task)
      }
      work.taskOfPoint.append(number)
    }
    return work
  }

  private func keys(of tasks: [SweepTask]) throws -> [String] {
    var specs: [ModelSpec: String] = [:]
    var files: [String: String] = [:]
    return try tasks.map { task in
      let spec = specs[task.spec] ?? ContentKey.of(task.spec)
      specs[task.spec] = spec
      let data = try (mode == .trained ? task.words : []).compactMap { word -> String? in
        guard let path = Self.file(of: word) else { return nil }
        if let known = files[path] { return known }
        guard let bytes = FileManager.default.contents(atPath: path) else {
          throw ConfigurationError.file(.noSuchFile(path: path))
        }
        let digest = ContentKey.digest(bytes)
        files[path] = digest
        return digest
      }
      return ContentKey.of(task, mode, spec: spec, data: data, hasIntervals: hasIntervals)
    }
  }

  /// The file of examples that a word names.
  private static func file(of word: String) -> String? {
    for flag in ["--data=", "--eval-data="] where word.hasPrefix(flag) { return String(word.dropFirst(flag.count)) }
    return nil
  }

  // MARK: The archive

  private func open(_ work: Work, _ keys: [String]) throws -> SweepArchive? {
    guard let archivePath else { return nil }
    let sweep = ArchivedSweep(
      identity: [
        "kind": "\(mode)", "program": "plimsoll \(Version.text)", "build": try OwnProgram.digest(),
        "model": grid.model ?? "", "settings": grid.settingsText,
        "axes": grid.axes.map(\.title).joined(separator: ", "), SweepSession.intervals: hasIntervals ? "on" : "off",
      ], grid: grid.text, count: grid.count)
    let archive = try SweepArchive.open(archivePath, for: sweep)
    try archive.add(
      zip(work.points, work.taskOfPoint).map { point, task in
        ArchivedPoint(place: point.place, settings: point.archived.json.line, key: task.map { keys[$0] } ?? "")
      } + work.collapsed.map { ArchivedPoint(place: $0, settings: PointRecord.collapsed.json.line, key: "") })
    return archive
  }

  /// What an archive calls whether it has intervals.
  static let intervals = "intervals"

  static func outcome(_ text: String) -> SweepOutcome? {
    (try? JSONValue(parsing: Array(text.utf8))).flatMap { SweepOutcome(json: $0) }
  }

  // MARK: The report

  private func report(_ work: Work, _ outcomes: [SweepOutcome?]) -> SweepReport {
    let rows = zip(work.points, work.taskOfPoint).map { point, task in
      SweepReport.Row(
        number: point.place + 1, values: point.values, budget: point.budget,
        outcome: task.flatMap { outcomes[$0] } ?? point.refusal)
    }
    return SweepReport(
      title: grid.model ?? "models", settings: grid.settingsText, axes: grid.axes.flatMap(\.names), rows: rows,
      isRun: mode.isRun, hasIntervals: hasIntervals || mode.isRun,
      notes: SweepNotes(
        unused: work.points.flatMap(\.unused), collapsed: work.collapsed.count,
        shared: work.taskOfPoint.count { $0 != nil } - work.tasks.count, shard: shard,
        isExpected: !hasIntervals && !mode.isRun && work.points.contains { $0.budget != nil }
      ).sentences)
  }
}

extension SweepPoint {
  fileprivate var refusal: SweepOutcome {
    if case .refused(let reason) = asked { .refused(reason) } else { .failed("it was not computed") }
  }

  fileprivate var archived: PointRecord {
    var record = PointRecord(values: values, budget: budget, unused: unused)
    if case .refused(let reason) = asked { record.refusal = reason }
    return record
  }
}
