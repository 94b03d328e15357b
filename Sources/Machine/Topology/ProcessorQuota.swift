/// The processor time that control groups grant, in processors: 1.5 is one and a half.
package enum ProcessorQuota {
  /// The least of all levels of all groups; `nil` for no limit.
  package static func least(of groups: [ControlGroup]) throws(MachineError) -> Double? {
    var least: Double?
    for group in groups {
      for folder in group.folders {
        guard let quota = try level(at: folder, version: group.version) else { continue }
        least = least.map { min($0, quota) } ?? quota
      }
    }
    return least
  }

  private static func level(at folder: String, version: ControlGroup.Version) throws(MachineError) -> Double? {
    switch version {
    case .two:
      guard let text = KernelFile.textIfReadable(at: folder + "/cpu.max") else { return nil }
      return try parse(text, file: "cpu.max")
    case .one:
      guard let quota = KernelFile.textIfReadable(at: folder + "/cpu.cfs_quota_us"),
        let period = KernelFile.textIfReadable(at: folder + "/cpu.cfs_period_us")
      else { return nil }
      return try parse(quota.trimmed + " " + period.trimmed, file: "cpu.cfs_quota_us")
    }
  }

  /// Reads `quota period` in microseconds, where a quota of `max` (version 2) or `-1` (version 1) is none.
  package static func parse(_ text: String, file: String) throws(MachineError) -> Double? {
    let words = text.split(whereSeparator: \.isWhitespace)
    guard words.count == 2, let period = Int(words[1]), period > 0 else {
      throw .malformedField(name: "quota and period", text: text.trimmed, file: file)
    }
    if words[0] == "max" || words[0] == "-1" { return nil }
    guard let quota = Int(words[0]), quota > 0 else {
      throw .malformedField(name: "quota and period", text: text.trimmed, file: file)
    }
    return Double(quota) / Double(period)
  }
}
