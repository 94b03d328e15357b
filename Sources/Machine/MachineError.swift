#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// What can go wrong between the engine and its host.
public enum MachineError: Error, Hashable, Sendable {
  /// A file of the kernel could not be read; `code` is the `errno`.
  case unreadable(path: String, code: Int32)
  /// A kernel file was read and lacks a field that every supported kernel writes.
  case missingField(name: String, file: String)
  /// A field is there and its text is not what the kernel documents.
  case malformedField(name: String, text: String, file: String)
  /// A system call failed; `code` is the `errno`.
  case callFailed(name: String, code: Int32)
  /// hwloc could not discover the machine; `step` is the function that failed, `code` the `errno`.
  case topologyUnavailable(step: String, code: Int32)
  /// hwloc was told, through its environment variables, to describe another machine than this one.
  case foreignTopology
  /// A binding named a core that this process may not use, or that does not exist.
  case noSuchCore(index: Int, allowed: Int)
  /// A binding named no core at all.
  case noCoresToBind
  /// The kernel refused a binding for a reason other than permission or missing support.
  case bindingFailed(code: Int32)
  /// The commit handed over for a stamp does not look like one.
  case unusableCommit(String)
}

extension MachineError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let path, let code):
      "cannot read \(path): \(Self.reason(code)); check that it is mounted and readable here"
    case .missingField(let name, let file):
      "\(file) has no field “\(name)”; the kernel is older than this program supports, or the file is masked"
    case .malformedField(let name, let text, let file):
      "\(file): field “\(name)” reads “\(text)”, which is not a value the kernel documents"
    case .callFailed(let name, let code):
      "\(name) failed: \(Self.reason(code))"
    case .topologyUnavailable(let step, let code):
      "hwloc cannot discover this machine: \(step) failed: \(Self.reason(code))"
    case .foreignTopology:
      "hwloc describes another machine than this one; unset HWLOC_XMLFILE, HWLOC_SYNTHETIC, HWLOC_FSROOT"
        + " and HWLOC_THISSYSTEM"
    case .noSuchCore(let index, let allowed):
      "cannot bind to core \(index): this process may use \(allowed) cores, numbered from 0"
    case .noCoresToBind:
      "cannot bind to an empty list of cores; name at least one"
    case .bindingFailed(let code):
      "cannot bind to the cores asked for: \(Self.reason(code))"
    case .unusableCommit(let text):
      "“\(text)” is not a commit: expected 7 to 64 hexadecimal digits, with “-dirty” after them or not"
    }
  }

  private static func reason(_ code: Int32) -> String {
    guard let text = strerror(code) else { return "error \(code)" }
    return String(cString: text)
  }
}
