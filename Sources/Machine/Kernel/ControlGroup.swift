/// The control groups of this process: the folders in which its limits are written, from its own group up.
///
/// A limit on any ancestor binds as well as one on the group itself (cgroups(7); the kernel's `cgroup-v2.rst`,
/// "Top-down Constraint"), so every reader walks all of ``folders``.
package struct ControlGroup: Hashable, Sendable {
  package enum Version: Hashable, Sendable {
    /// One hierarchy a controller.
    case one
    /// One hierarchy for all controllers.
    case two
  }

  package let version: Version
  /// Absolute paths: the process's own group first, the mount point last.
  package let folders: [String]

  /// The groups that govern `controller` (`memory`, `cpu`) for a process; most hosts have one, hybrid ones two.
  ///
  /// - Parameters:
  ///   - membership: the text of `/proc/self/cgroup`: lines `hierarchy:controllers:path`.
  ///   - mounts: the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
  package static func governing(_ controller: String, membership: String, mounts: String) -> [ControlGroup] {
    let mounted = mounts.split(whereSeparator: \.isNewline).compactMap { Mount(line: $0) }
    return membership.split(whereSeparator: \.isNewline).compactMap { line -> ControlGroup? in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3, fields[2].hasPrefix("/") else { return nil }
      let path = String(fields[2])
      let isUnified = fields[0] == "0" && fields[1].isEmpty
      guard isUnified || fields[1].split(separator: ",").contains(where: { $0 == controller }) else { return nil }
      let candidates = mounted.filter { isUnified ? $0.isUnified : $0.controllers.contains(controller) }
      // Of several mounts, the one that shows the group; failing that, one whose top is the best that can be seen.
      for mount in candidates {
        if let folders = mount.folders(to: path) {
          return ControlGroup(version: isUnified ? .two : .one, folders: folders)
        }
      }
      return candidates.first.map { ControlGroup(version: isUnified ? .two : .one, folders: [$0.point]) }
    }
  }

  /// The groups of this very process; empty where there are none (other systems, masked `/proc`).
  package static func current(governing controller: String) -> [ControlGroup] {
    guard let membership = KernelFile.textIfReadable(at: "/proc/self/cgroup"),
      let mounts = KernelFile.textIfReadable(at: "/proc/self/mountinfo")
    else { return [] }
    return governing(controller, membership: membership, mounts: mounts)
  }
}

/// One control group hierarchy as mounted: a line of `mountinfo`.
private struct Mount {
  /// The group shown at the mount point: `/`, or a container's own group when its namespace is the host's.
  let root: String
  let point: String
  let isUnified: Bool
  let controllers: Set<String>

  /// Fields: id, parent, device, root, mount point, options, zero or more tags, `-`, type, source, super options.
  init?(line: Substring) {
    let fields = line.split(separator: " ")
    guard fields.count >= 10, let dash = fields[6...].firstIndex(of: "-"), fields.count > dash + 3 else { return nil }
    switch fields[dash + 1] {
    case "cgroup2": isUnified = true
    case "cgroup": isUnified = false
    default: return nil
    }
    root = Self.unescaped(fields[3])
    point = Self.unescaped(fields[4])
    controllers = Set(fields[dash + 3].split(separator: ",").map(String.init))
  }

  /// The folders from `path` up to the mount point; `nil` when the mount does not show `path`.
  func folders(to path: String) -> [String]? {
    var names = path.split(separator: "/")
    let above = root.split(separator: "/")
    guard names.starts(with: above) else { return nil }
    names.removeFirst(above.count)
    // "/../x" is how a group outside this process's namespace is written: it has no folder here.
    guard !names.contains("..") else { return nil }
    let base = point == "/" ? "" : point
    var folders: [String] = []
    for count in stride(from: names.count, through: 0, by: -1) {
      folders.append(([base] + names.prefix(count).map(String.init)).joined(separator: "/"))
    }
    return folders
  }

  /// Undoes the octal escapes (`\040` for a space) of mountinfo.
  static func unescaped(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3,
        let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      {
        bytes.append(code)
        rest.removeFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
