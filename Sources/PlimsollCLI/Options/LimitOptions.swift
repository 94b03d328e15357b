import ArgumentParser
import Bookkeeping
import Machine
import Reporting

/// A bound on the memory of a process that trains.
struct LimitOptions: ParsableArguments {
  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Memory that the system lets the whole process have, libraries and all; beyond it, allocations fail.",
      valueName: "size"),
    transform: { try Bytes(parsing: $0) })
  var limit: Bytes?

  /// Holds this process to the limit from now on, if there is one.
  ///
  /// - Parameter mapsFiles: whether weights are mapped from files, which are address space and no memory of their own.
  func enforce(mapsFiles: Bool) throws -> CheckSummary.Limit? {
    guard let limit else { return nil }
    let kind = mapsFiles ? MemoryLimit.data : .addressSpace
    // Below that there would be no memory left to say so in.
    let least = try kind.use() + EngineBudget.runtime
    guard limit >= least else {
      throw UsageError.outOfRange(
        flag: "limit", value: "\(limit)", allowed: "at least \(least), which the program takes without a model")
    }
    try kind.enforce(limit)
    return CheckSummary.Limit(bytes: limit, name: kind.rawValue)
  }
}
