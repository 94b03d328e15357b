public import Modeling

/// The planner against a file of published measurements: every row predicted, or refused with a reason.
public struct Validation: Sendable {
  public struct Refused: Hashable, Sendable {
    public let row: Measurement
    public let refusal: Refusal
  }

  public let predictions: [Prediction]
  public let refused: [Refused]
  /// Rows of the file that could not be read.
  public let problems: [CSVProblem]
  /// Rows of confidence A and B that ran to their end and are not flagged `do-not-score`: what the planner is judged by.
  public let scored: [Prediction]
  /// Rows of confidence C: batch, length or unit is unknown.
  public let plausibility: [Prediction]
  /// Rows that their file asks not to judge by.
  public let unscored: [Prediction]
  public let outOfMemory: [Prediction]
  public let summary: ValidationSummary
  /// Of ``plausibility`` alone.
  public let plausibilitySummary: ValidationSummary
  /// Of second measurements of scored rows.
  public let alternatives: ErrorStatistics?
  /// Of tokens a second, wherever a row states them.
  public let speed: ErrorStatistics?
  /// The share of measured speeds inside the planned range.
  public let speedInside: Double?
  /// The same by card.
  public let speedByDevice: [ValidationSummary.Group]
  public let outliers: [Outlier]

  /// Predicts every row.
  ///
  /// - Parameter progress: called before each row with how many are done.
  public init(_ rows: [Measurement], problems: [CSVProblem] = [], progress: (Int) -> Void = { _ in }) {
    var predictions: [Prediction] = []
    var refused: [Refused] = []
    for (place, row) in rows.enumerated() {
      progress(place)
      do { predictions.append(try Prediction(of: row)) } catch { refused.append(Refused(row: row, refusal: error)) }
    }
    self.predictions = predictions
    self.refused = refused
    self.problems = problems
    outOfMemory = predictions.filter { $0.row.reading.outcome == .outOfMemory }
    let finished = predictions.filter { $0.row.reading.outcome == .finished }
    unscored = finished.filter(\.row.isNotToScore)
    plausibility = finished.filter { $0.row.confidence == .c && !$0.row.isNotToScore }
    scored = finished.filter { $0.row.confidence != .c && !$0.row.isNotToScore }
    summary = ValidationSummary(scored)
    plausibilitySummary = ValidationSummary(plausibility)
    alternatives = ErrorStatistics(scored.compactMap(\.alternativeError))
    speed = ErrorStatistics(scored.compactMap(\.speedError))
    let speeds = scored.compactMap(\.isSpeedInside)
    speedInside = speeds.isEmpty ? nil : Double(speeds.count { $0 }) / Double(speeds.count)
    speedByDevice = ValidationSummary.speeds(scored)
    outliers = Outlier.find(scored)
  }

  /// How many runs of a kind the plan tells rightly whether they fit their card.
  public struct Verdicts: Hashable, Sendable {
    public let right: Int
    public let of: Int

    init(_ predictions: [Prediction]) {
      let told = predictions.compactMap(\.tellsOutcome)
      right = told.count { $0 }
      of = told.count
    }
  }

  /// Verdicts on runs of known cards, of confidence A and B: those that finished, and those that ran out of memory.
  public var verdicts: (finished: Verdicts, outOfMemory: Verdicts) {
    let judged = outOfMemory.filter(\.row.isJudged)
    return (Verdicts(scored), Verdicts(judged))
  }

  /// Rows of confidence A and B among those refused, and all of those.
  public var refusedShare: (refused: Int, of: Int) {
    let refused = refused.count { $0.row.isJudged }
    return (refused, refused + predictions.count { $0.row.isJudged })
  }
}

extension Measurement {
  public var isNotToScore: Bool { FreeText(flag).hasAny("do not score", "donotscore") }

  /// Whether the planner is judged by it.
  var isJudged: Bool { confidence != .c && !isNotToScore }
}
