import Bookkeeping

extension Stamp {
  /// The stamp for people: one fact a line, `name: value`.
  public var lines: [String] {
    var lines = ["date: \(date)", "commit: \(commit ?? "not said")", "processor: \(processor.summary)"]
    lines.append("threads: \(threads) used, \(processor.allowance)")
    if !processor.caches.isEmpty {
      lines.append("caches: " + processor.caches.map { "\($0.count) × \($0.name) \($0.size)" }.joined(separator: ", "))
    }
    lines.append(
      "memory: \(memory.installed) installed, \(memory.available) available, \(memory.usable) usable"
        + " (bounded by \(memory.cause.phrase))")
    lines.append("system: \(system.name), \(system.kernel), \(system.architecture)")
    if let linearAlgebra {
      lines.append("linear algebra: \(linearAlgebra.version), \(linearAlgebra.core) kernels")
    }
    lines.append("swift: \(swift)")
    lines += notes.map { "note: \($0)" }
    // What other libraries say of themselves may hold anything; a line of a stamp must stay one line.
    return lines.map { $0.split(whereSeparator: \.isNewline).joined(separator: " ") }
  }

  /// ``lines`` as comments, for the head of a data file.
  public var commentLines: [String] { lines.map { "# " + $0 } }
}

extension HostMemory.Cause {
  /// The cause as it reads after “bounded by”.
  public var phrase: String {
    switch self {
    case .kernel: "the machine's free memory"
    case .cgroup: "a control group's limit"
    case .addressSpaceLimit: "the address space limit, ulimit -v"
    case .dataLimit: "the data limit, ulimit -d"
    }
  }
}

extension Processor {
  /// What the machine has, in a phrase.
  fileprivate var summary: String {
    let parts = [
      counted(packages, "package"), counted(cores, "core"), counted(threads, "hardware thread"),
      counted(numaNodes, "NUMA node"),
    ]
    return ([name ?? "unknown model"] + parts).joined(separator: ", ")
  }

  /// What this process may use of it, in a phrase.
  fileprivate var allowance: String {
    let allowed = "\(counted(allowedCores, "core")) and \(counted(allowedThreads, "hardware thread")) allowed"
    guard let quota else { return allowed }
    return allowed + ", processor time of \(Fixed.text(quota, decimals: 2)) granted"
  }

  private func counted(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
}
