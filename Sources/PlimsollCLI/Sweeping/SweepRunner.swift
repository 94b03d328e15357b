import Bookkeeping
import Foundation
import Modeling
import Planning
import Reporting

/// Runs one point with the engine, as a process of its own.
struct SweepRunner {
  let mode: SweepMode

  /// - Throws: only where no process can be started; whatever becomes of it is an outcome.
  func outcome(of task: SweepTask) throws -> SweepOutcome {
    let folder = FileManager.default.temporaryDirectory.path + "/plimsoll-sweep-\(UUID().uuidString)"
    try OutputFile.makeFolder(folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let child = try ChildProcess.run(OwnProgram.path, arguments(task, folder), in: folder)
    // A check that does not balance says so with 1, and with all its figures.
    let isComplete = child.end == .exit(0) || (mode == .checked && child.end == .exit(1))
    guard isComplete, let json = result(child.output) else { return .failed(reason(child)) }
    let measured = mode == .checked ? MeasuredFigures(check: json) : MeasuredFigures(runSummary: json)
    return .ran(planned(task), measured)
  }

  private func arguments(_ task: SweepTask, _ folder: String) -> [String] {
    switch mode {
    case .planned, .checked: return ["check"] + task.words + ["--format=json"]
    case .trained:
      // Saved states are for runs that are gone on with; a point of a sweep is run again.
      let saves = task.words.contains { $0.hasPrefix("--save-every") } ? [] : ["--save-every=0"]
      return ["run"] + task.words + saves + ["--output=\(folder)/run", "--format=json"]
    }
  }

  /// The object that `check` prints, or the last line of `run`.
  private func result(_ output: String) -> JSONValue? {
    let text = mode == .checked ? output : output.split(separator: "\n").last.map(String.init) ?? ""
    return try? JSONValue(parsing: Array(text.utf8))
  }

  /// The plan of what was run; `nil` where the data decide how long its sequences are.
  private func planned(_ task: SweepTask) -> PlannedFigures? {
    let isKnown = mode == .checked || task.words.contains { $0.hasPrefix("--seq") }
    guard isKnown, let plan = try? Planner.plan(task.spec, task.resolved, threads: task.threads) else { return nil }
    return PlannedFigures(plan)
  }

  private func reason(_ child: ChildProcess.Outcome) -> String {
    switch child.end {
    case .signal(SIGKILL): "killed (signal 9): the system ran out of memory, or somebody ended it"
    case .signal(let number): "ended by signal \(number): \(child.complaint)"
    case .exit(0): "its result cannot be read: \(child.complaint)"
    case .exit(let code): "ended with \(code): \(child.complaint)"
    }
  }
}
