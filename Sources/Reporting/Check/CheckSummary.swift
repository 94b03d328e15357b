public import Bookkeeping

/// What one step planned and run came to: the values that `check` prints.
public struct CheckSummary: Sendable {
  /// What the operating system saw of the process.
  public struct ResidentBytes: Hashable, Sendable {
    /// Before the step's first tensor.
    public let baseline: Bytes
    /// At its highest.
    public let peak: Bytes
    /// What the ledger, the baseline and the named overheads account for.
    public let explained: Bytes

    public init(baseline: Bytes, peak: Bytes, explained: Bytes) {
      self.baseline = baseline
      self.peak = peak
      self.explained = explained
    }
  }

  /// The model and the recipe in a few words.
  public let title: String
  public let reconciliation: Reconciliation
  /// Labels of the moments at which the two books peak.
  public let plannedMoment: String
  public let measuredMoment: String
  public let resident: ResidentBytes
  public let tokensPerSecond: Double
  public let loss: Double
  /// Where and with what it was measured, a fact a line.
  public let stamp: [String]

  public init(
    title: String, reconciliation: Reconciliation, plannedMoment: String, measuredMoment: String,
    resident: ResidentBytes, tokensPerSecond: Double, loss: Double, stamp: [String]
  ) {
    self.title = title
    self.reconciliation = reconciliation
    self.plannedMoment = plannedMoment
    self.measuredMoment = measuredMoment
    self.resident = resident
    self.tokensPerSecond = tokensPerSecond
    self.loss = loss
    self.stamp = stamp
  }
}
