import Bookkeeping
import Machine
import Planning

/// Why a run was not started: the plan needs more memory than this machine can give now.
struct MachineTooSmall: Error, CustomStringConvertible {
  let needed: Bytes
  let usable: Bytes
  let cause: String
  let peak: String

  var description: String {
    "the run needs \(needed) at its peak (\(peak)), and this machine can give \(usable) (\(cause)): "
      + "lower --batch or --seq, turn --checkpointing on, or choose --method qlora"
  }
}

/// Compares a plan with what the machine can give, before anything is allocated.
enum EngineBudget {
  /// What the process takes beside its tensors: books, threads' stacks, packing buffers of the BLAS.
  static let runtime = Bytes(64 << 20)

  /// - Throws: ``MachineTooSmall`` with the figures; a run that is refused is never killed half-way.
  static func require(_ plan: Plan, of memory: HostMemory) throws {
    let needed = plan.ledger.peak.bytes + runtime
    guard needed > memory.usable else { return }
    throw MachineTooSmall(
      needed: needed, usable: memory.usable, cause: memory.cause.phrase,
      peak: plan.ledger.clock.label(of: plan.ledger.peak.moment))
  }
}
