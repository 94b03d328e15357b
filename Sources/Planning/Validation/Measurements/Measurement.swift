public import Bookkeeping

/// One published measurement of a run on GPUs: a row of the file that `validate` reads, typed.
///
/// What a row leaves empty is `nil`; free text stays as it was written, for the translation to read.
public struct Measurement: Hashable, Sendable {
  public let id: String
  /// The line in the file, from 1.
  public let line: Int
  /// Where the number was published, in words.
  public let source: String
  /// Groups rows of one publication.
  public let sourceKey: String
  /// Groups rows of one model, whatever its repository is called.
  public let modelKey: String
  public let model: Model
  public let setting: Setting
  public let reading: Reading
  public let confidence: Confidence
  /// What to know before judging by this row: `replicate`, `cpu-offload`, `do-not-score` and others.
  public let flag: String?
  public let notes: String?

  /// The architecture as far as the row says it.
  public struct Model: Hashable, Sendable {
    public let name: String
    /// In units of 10^9, a mixture's experts all counted.
    public let billions: Double?
    public let hidden, layers, heads, keyValueHeads, headDimension, intermediate, vocabulary: Int?
    public let isTied: Bool?
    /// Whether the feed-forward network has a gate.
    public let isGated: Bool?
    public let experts: Int?
  }

  /// How the run was set up, in the words of its source.
  public struct Setting: Hashable, Sendable {
    public let method: String
    public let targets: String?
    public let rank: Int?
    public let trainable: Int?
    public let quantization: String?
    public let isDoublyQuantized: Bool?
    public let weightFormat: String?
    public let computeFormat: String?
    public let optimizer: String?
    /// Sequences of one micro-batch on one GPU.
    public let microBatch: Int?
    public let sequence: Int?
    public let sequenceKind: String?
    public let accumulation: Int?
    public let usesGradientCheckpointing: Bool?
    public let attention: String?
    public let loss: String?
    public let gpus: Int?
    public let sharding: String?
    public let gpu: String?
    public let library: String?
  }

  /// What was measured.
  public struct Reading: Hashable, Sendable {
    public let metric: MemoryMetric
    /// Of one GPU; `nil` where the run ended out of memory.
    public let bytes: Bytes?
    /// How far the true figure may be from ``bytes``: half a unit of the last digit that was printed.
    public let rounding: Bytes
    public let rawValue: String?
    public let rawUnit: String?
    public let isUnitCertain: Bool?
    public let alternative: Alternative?
    /// Of the whole job.
    public let tokensPerSecond: Double?
    public let secondsPerIteration: Double?
    public let samplesPerSecond: Double?
    public let outcome: Outcome
    /// What weights alone, and weights with gradients and states, take at least by arithmetic.
    public let leastWeights, leastStatic: Bytes?

    /// A second figure of the same run.
    public struct Alternative: Hashable, Sendable {
      public let metric: MemoryMetric
      public let bytes: Bytes
    }
  }

  public enum Outcome: String, CaseIterable, Hashable, Sendable {
    case finished = "ok"
    case outOfMemory = "oom"
  }

  /// How far the row's settings are known.
  public enum Confidence: String, CaseIterable, Hashable, Sendable {
    /// Every setting was read from the source.
    case a = "A"
    /// One or two settings were taken from the source's code or defaults.
    case b = "B"
    /// Batch, length or unit is unknown: good for plausibility only.
    case c = "C"
  }
}

/// What a published figure counts.
public enum MemoryMetric: String, CaseIterable, Hashable, Sendable {
  /// `torch.cuda.max_memory_allocated`.
  case allocated = "max_allocated"
  /// `torch.cuda.max_memory_reserved`.
  case reserved = "max_reserved"
  /// What the driver counts.
  case device = "nvidia_smi"
  /// The source doesn't say.
  case unspecified

  /// Finds the metric that a source's own words mean, such as `process (reserved + context)`.
  init?(reading text: String) {
    if let known = MemoryMetric(rawValue: text) {
      self = known
      return
    }
    let words = FreeText(text)
    if words.saysAny("nvidia smi", "nvml", "process", "device") {
      self = .device
    } else if words.saysAny("reserved") {
      self = .reserved
    } else if words.saysAny("allocated", "allocation") {
      self = .allocated
    } else if words.isEmpty || words.saysAny("unknown", "unstated", "unspecified") {
      self = .unspecified
    } else {
      return nil
    }
  }
}
