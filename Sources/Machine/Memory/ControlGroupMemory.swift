package import Bookkeeping

/// What one control group still has to give: its limit, and how much of it is taken.
package struct ControlGroupMemory: Hashable, Sendable {
  package let limit: Bytes
  /// Memory charged to the group, less the file cache that the kernel drops before it lets an allocation fail.
  package let use: Bytes

  package init(limit: Bytes, use: Bytes) {
    self.limit = limit
    self.use = use
  }

  /// Every limited group from the process's own up; an unlimited level has no element.
  package static func levels(of group: ControlGroup) throws(MachineError) -> [ControlGroupMemory] {
    var levels: [ControlGroupMemory] = []
    for folder in group.folders {
      if let level = try level(at: folder, version: group.version) { levels.append(level) }
    }
    return levels
  }

  /// The smaller of the hard limit and the throttle.
  ///
  /// Past `memory.high` a group is not killed but slowed until it is of no use for training, so it counts as a limit.
  /// The root group has neither file.
  private static func level(
    at folder: String, version: ControlGroup.Version
  ) throws(MachineError) -> ControlGroupMemory? {
    let limitFiles = version == .two ? ["memory.max", "memory.high"] : ["memory.limit_in_bytes"]
    let useFile = version == .two ? "memory.current" : "memory.usage_in_bytes"
    // Version 1 counts a group alone in `inactive_file`, and with its descendants, as its usage does, in `total_…`.
    let cacheField = version == .two ? "inactive_file" : "total_inactive_file"

    var limit: Bytes?
    for name in limitFiles {
      guard let text = KernelFile.textIfReadable(at: folder + "/" + name),
        let bound = try parseLimit(text, file: name)
      else { continue }
      limit = limit.map { min($0, bound) } ?? bound
    }
    guard let limit else { return nil }
    let charged = try parseUse(try KernelFile.text(at: folder + "/" + useFile), file: useFile)
    let statistics = KernelFile.textIfReadable(at: folder + "/memory.stat") ?? ""
    let cache = try KernelTable.bytes(cacheField, in: statistics, file: "memory.stat") ?? .zero
    return ControlGroupMemory(limit: limit, use: max(.zero, charged - cache))
  }

  /// A limit file's value; `nil` when there is no limit.
  ///
  /// No limit is `max` in version 2, `-1` or the largest multiple of the page size in version 1
  /// (`PAGE_COUNTER_MAX`; pages are at most 64 KiB).
  package static func parseLimit(_ text: String, file: String) throws(MachineError) -> Bytes? {
    let value = text.trimmed
    if value == "max" || value == "-1" { return nil }
    guard let count = UInt64(value) else { throw .malformedField(name: "limit", text: value, file: file) }
    guard let limit = Int(exactly: count), limit < Int.max - 0xFFFF else { return nil }
    return Bytes(limit)
  }

  /// A usage file's value.
  package static func parseUse(_ text: String, file: String) throws(MachineError) -> Bytes {
    let value = text.trimmed
    guard let count = Int(value), count >= 0 else { throw .malformedField(name: "use", text: value, file: file) }
    return Bytes(count)
  }
}
