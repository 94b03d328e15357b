import Archive
import Bookkeeping
import Configurations
import Modeling
import Reporting

/// Puts the archives of a sweep's shards together.
struct SweepMerge {
  /// The archive that is written, or added to.
  let target: String
  let sources: [String]

  struct Outcome {
    let report: SweepReport
    /// Points that no archive has a result for.
    let missing: Int
  }

  func run() throws -> Outcome {
    let archives = try sources.map { path throws(ArchiveError) in try SweepArchive.existing(path) }
    guard let first = archives.first else { throw UsageError.nothingToMerge }
    let sweep = try first.sweep()
    // Everything is looked at before anything is written.
    for other in archives.dropFirst() { try first.require(sameSweepAs: other) }
    let merged = try SweepArchive.open(target, for: sweep)
    for archive in archives { try merged.merge(archive) }
    let outcome = try report(merged, sweep)
    try merged.close()
    return outcome
  }

  private func report(_ archive: SweepArchive, _ sweep: ArchivedSweep) throws -> Outcome {
    let results = try archive.results()
    let points = try archive.points()
    var rows: [SweepReport.Row] = []
    var (missing, collapsed) = (sweep.count - points.count, 0)
    var unused: [String] = []
    var keys: [String] = []
    for point in points {
      guard let record = (try? JSONValue(parsing: Array(point.settings.utf8))).flatMap({ PointRecord(json: $0) }) else {
        throw ArchiveError.corrupted(path: archive.path, reason: "point \(point.place + 1) cannot be read")
      }
      if record.isCollapsed {
        collapsed += 1
        continue
      }
      unused += record.unused
      let outcome: SweepOutcome
      if let reason = record.refusal {
        outcome = .refused(reason)
      } else if let text = results[point.key] {
        guard let known = SweepSession.outcome(text) else {
          throw ArchiveError.corrupted(
            path: archive.path, reason: "the result of point \(point.place + 1) cannot be read")
        }
        outcome = known
        keys.append(point.key)
      } else {
        missing += 1
        continue
      }
      rows.append(
        SweepReport.Row(number: point.place + 1, values: record.values, budget: record.budget, outcome: outcome))
    }
    let isRun = sweep.identity["kind"] != "\(SweepMode.planned)"
    let hasIntervals = isRun || sweep.identity[SweepSession.intervals] == "on"
    let notes = SweepNotes(
      unused: unused, collapsed: collapsed, shared: keys.count - Set(keys).count, shard: .whole,
      isExpected: !hasIntervals && rows.contains { $0.budget != nil })
    let axes = (sweep.identity["axes"] ?? "").split { ", +".contains($0) }.map(String.init)
    let model = sweep.identity["model"] ?? ""
    return Outcome(
      report: SweepReport(
        title: model.isEmpty ? "models" : model, settings: sweep.identity["settings"] ?? "", axes: axes, rows: rows,
        isRun: isRun, hasIntervals: hasIntervals, notes: notes.sentences), missing: missing)
  }
}
