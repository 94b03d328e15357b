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

    /// What the run added to the process.
    public var growth: Bytes { peak - baseline }

    public init(baseline: Bytes, peak: Bytes, explained: Bytes) {
      self.baseline = baseline
      self.peak = peak
      self.explained = explained
    }
  }

  /// Where the time of a step went.
  public struct Profile: Hashable, Sendable {
    public struct Line: Hashable, Sendable {
      public let operation: String
      public let seconds: Double
      /// The part of it inside matrix products.
      public let productSeconds: Double

      public init(operation: String, seconds: Double, productSeconds: Double) {
        self.operation = operation
        self.seconds = seconds
        self.productSeconds = productSeconds
      }
    }

    /// In the order of cost.
    public let lines: [Line]
    /// The share of the whole step inside matrix products, 0 to 1.
    public let productShare: Double

    public init(lines: [Line], productShare: Double) {
      self.lines = lines
      self.productShare = productShare
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
  public let profile: Profile?
  /// Where and with what it was measured, a fact a line.
  public let stamp: [String]

  public init(
    title: String, reconciliation: Reconciliation, plannedMoment: String, measuredMoment: String,
    resident: ResidentBytes, tokensPerSecond: Double, loss: Double, profile: Profile? = nil,
    stamp: [String]
  ) {
    self.title = title
    self.reconciliation = reconciliation
    self.plannedMoment = plannedMoment
    self.measuredMoment = measuredMoment
    self.resident = resident
    self.tokensPerSecond = tokensPerSecond
    self.loss = loss
    self.profile = profile
    self.stamp = stamp
  }
}
