public import Bookkeeping
public import Modeling

/// The first clerk's books of one training step: what it keeps, when, what it computes, and what a device would show.
public struct Plan: Sendable {
  public let spec: ModelSpec
  public let recipe: Recipe
  /// What was filled in or taken for granted, a sentence each.
  public let assumptions: [String]
  public let journal: Journal
  /// The books of a steady step.
  public let ledger: Ledger
  /// The books of everything before the first step; `nil` where that is no more than the step's first moment.
  public let load: Ledger?
  /// The most live bytes of every part: loading, the first step, the others.
  public let phases: PhasePeaks
  public let work: WorkSheet
  public let parameters: ParameterCounts
  /// Live bytes at the peak as the stack's allocator counts them (`torch.cuda.max_memory_allocated`).
  public let allocated: Interval
  /// What the allocator has taken from the driver (`torch.cuda.max_memory_reserved`).
  public let reserved: Interval
  /// What the allocator has taken where the expected process fills the target's memory, gives cached segments back and
  /// goes on; `nil` where it doesn't fill it, or can't go on.
  public let reservedWhenFull: Bytes?
  /// Everything that counts against the budget (`nvidia-smi`; of a CPU engine, the process's resident set).
  public let device: Interval
  /// The device that was planned for, where one was named.
  public let target: Device?

  public init(
    spec: ModelSpec, recipe: Recipe, assumptions: [String], journal: Journal, ledger: Ledger, work: WorkSheet,
    parameters: ParameterCounts, allocated: Interval, reserved: Interval, device: Interval, target: Device?,
    load: Ledger? = nil, reservedWhenFull: Bytes? = nil
  ) {
    self.spec = spec
    self.recipe = recipe
    self.assumptions = assumptions
    self.journal = journal
    self.ledger = ledger
    self.work = work
    self.parameters = parameters
    self.allocated = allocated
    self.reserved = reserved
    self.device = device
    self.reservedWhenFull = reservedWhenFull
    self.target = target
    self.load = load
    phases = PhasePeaks(of: ledger, load: load)
  }

  /// The books that have the peak: the step's, or those of loading where that takes more.
  private var highest: Ledger {
    guard let load, load.peak.bytes > ledger.peak.bytes else { return ledger }
    return load
  }

  /// The instant of most live bytes in the whole process, and who is alive then.
  public var peak: Peak { highest.peak }

  /// Label of the peak's moment, such as `backward.layer.31.down` or `load.prepare`.
  public var peakMoment: String { highest.clock.label(of: highest.peak.moment) }

  /// What each account holds at the peak, with everything outside the tensors under ``Account/runtime``.
  ///
  /// The values add up to the expected ``device`` bytes.
  public var accounts: [Account: Bytes] {
    let peak = peak
    var accounts = peak.accounts
    accounts[.runtime, default: .zero] += device.expected - peak.bytes
    return accounts
  }
}
