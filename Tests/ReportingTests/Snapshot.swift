import Foundation
import Testing

/// Compares `actual` with the recorded text of that name.
///
/// Recording, because the file is missing or `RECORD_SNAPSHOTS` is set, fails the test: a new snapshot is always looked
/// at by a person.
func expectSnapshot(
  _ actual: String, named name: String, filePath: String = #filePath, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let folder = URL(fileURLWithPath: filePath).deletingLastPathComponent().appendingPathComponent("Snapshots")
  let file = folder.appendingPathComponent(name)
  let isRecording = ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] != nil
  if isRecording || !FileManager.default.fileExists(atPath: file.path) {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(actual.utf8).write(to: file)
    Issue.record("recorded \(name): look at it, then run again without recording", sourceLocation: sourceLocation)
    return
  }
  let recorded = try #require(String(bytes: Data(contentsOf: file), encoding: .utf8))
  guard recorded != actual else { return }
  let difference = firstDifference(recorded, actual)
  Issue.record("\(name) differs: \(difference)", sourceLocation: sourceLocation)
}

private func firstDifference(_ recorded: String, _ actual: String) -> String {
  let left = recorded.split(separator: "\n", omittingEmptySubsequences: false)
  let right = actual.split(separator: "\n", omittingEmptySubsequences: false)
  for (number, pair) in zip(left, right).enumerated() where pair.0 != pair.1 {
    return "line \(number + 1) was\n  \(pair.0)\nand is\n  \(pair.1)"
  }
  return "\(left.count) lines were recorded, \(right.count) are there"
}
