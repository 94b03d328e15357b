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

  /// One step as it ran.
  public struct Step: Hashable, Sendable {
    public let loss: Double
    public let seconds: Double

    public init(loss: Double, seconds: Double) {
      self.loss = loss
      self.seconds = seconds
    }
  }

  /// A bound on the process's memory that the system held it to.
  public struct Limit: Hashable, Sendable {
    public let bytes: Bytes
    /// What the system calls it, such as `RLIMIT_AS`.
    public let name: String

    public init(bytes: Bytes, name: String) {
      self.bytes = bytes
      self.name = name
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
  /// Every step, in order.
  public let steps: [Step]
  public let limit: Limit?
  /// Operations of a step, as planned.
  public let flopsPerStep: FLOPs
  /// Operations a second of the steps that ``tokensPerSecond`` is of.
  public let flopsPerSecond: Double
  /// Operations a second that products alone reached on this machine after the steps, if that was measured.
  public let productPeak: Double?
  /// Seconds from the first byte of the weights to the first step.
  public let loadSeconds: Double
  public let profile: Profile?
  /// Where and with what it was measured, a fact a line.
  public let stamp: [String]

  public init(
    title: String, reconciliation: Reconciliation, plannedMoment: String, measuredMoment: String,
    resident: ResidentBytes, tokensPerSecond: Double, loss: Double, steps: [Step] = [], limit: Limit? = nil,
    flopsPerStep: FLOPs = .zero, flopsPerSecond: Double = 0, productPeak: Double? = nil, loadSeconds: Double = 0,
    profile: Profile? = nil, stamp: [String]
  ) {
    self.title = title
    self.reconciliation = reconciliation
    self.plannedMoment = plannedMoment
    self.measuredMoment = measuredMoment
    self.resident = resident
    self.tokensPerSecond = tokensPerSecond
    self.loss = loss
    self.steps = steps
    self.limit = limit
    self.flopsPerStep = flopsPerStep
    self.flopsPerSecond = flopsPerSecond
    self.productPeak = productPeak
    self.loadSeconds = loadSeconds
    self.profile = profile
    self.stamp = stamp
  }
}
