import Bookkeeping
import Modeling
import Planning

/// The rows of a validation, for spreadsheets and for people.
enum ValidationRows {
  /// Everything that was found about each row, for programs.
  static func table(_ validation: Validation) -> Table {
    let outliers = explanations(validation)
    var table = Table([
      Column("id", key: "id"), Column("source", key: "source_key"), Column("model", key: "model_key"),
      Column("method", key: "method"), Column("stack", key: "stack"), Column("sharding", key: "sharding"),
      Column("confidence", key: "confidence"), Column("metric", key: "metric"), Column("outcome", key: "outcome"),
      Column("predicted", key: "predicted_bytes", .bytes), Column("low", key: "low_bytes", .bytes),
      Column("high", key: "high_bytes", .bytes), Column("measured", key: "measured_bytes", .bytes),
      Column("error", key: "error", .percent(places: 1)), Column("inside", key: "inside", .flag),
      Column("second metric", key: "alt_metric"), Column("predicted", key: "alt_predicted_bytes", .bytes),
      Column("measured", key: "alt_measured_bytes", .bytes), Column("error", key: "alt_error", .percent(places: 1)),
      Column("out of memory foreseen", key: "oom_foreseen", .flag),
      Column("tokens/s", key: "predicted_tokens_per_second", .decimal(places: 1)),
      Column("measured", key: "measured_tokens_per_second", .decimal(places: 1)),
      Column("peak", key: "peak_moment"), Column("refused", key: "refused"), Column("reason", key: "reason"),
      Column("outlier", key: "outlier"),
    ])
    let lines =
      validation.predictions.map { ($0.row.line, predicted($0, outliers[$0.row.id])) }
      + validation.refused.map { ($0.row.line, refused($0)) }
    for (_, cells) in lines.sorted(by: { $0.0 < $1.0 }) { table.append(cells) }
    return table
  }

  /// What fits on a page.
  static func page(_ validation: Validation) -> Table {
    let outliers = explanations(validation)
    return Table(
      [
        Column("id", key: "id"), Column("source", key: "source_key"), Column("model", key: "model"),
        Column("method", key: "method"), Column("metric", key: "metric"),
        Column("predicted", key: "predicted", .gibibytes), Column("measured", key: "measured", .gibibytes),
        Column("error", key: "error", .percent(places: 1)), Column("", key: "note"),
      ],
      rows: validation.predictions.map { prediction in
        let row = prediction.row
        return [
          .text(row.id), .text(row.sourceKey), .text(prediction.spec.name), .text(row.setting.method),
          .text(row.reading.metric.rawValue), .bytes(prediction.predicted.expected),
          row.reading.bytes.map { .bytes($0) } ?? .none,
          prediction.error.map { .percent($0) } ?? .none, .text(note(prediction, isOutlier: outliers[row.id] != nil)),
        ]
      })
  }

  private static func note(_ prediction: Prediction, isOutlier: Bool) -> String {
    if let foreseen = prediction.foresawOutOfMemory { return foreseen ? "oom, foreseen" : "oom, not foreseen" }
    if prediction.row.reading.outcome == .outOfMemory { return "oom, card unknown" }
    if isOutlier { return "outlier" }
    if prediction.row.isNotToScore { return "not scored" }
    return prediction.row.confidence == .c ? "C" : ""
  }

  private static func explanations(_ validation: Validation) -> [String: String] {
    Dictionary(validation.outliers.map { ($0.id, $0.explanation) }, uniquingKeysWith: { first, _ in first })
  }

  private static func predicted(_ prediction: Prediction, _ outlier: String?) -> [Cell] {
    let row = prediction.row
    let reading = row.reading
    let second = reading.alternative
    return [
      .text(row.id), .text(row.sourceKey), .text(row.modelKey), .text(row.setting.method),
      .text(prediction.recipe.stack.rawValue), .text(prediction.recipe.parallelism.sharding.rawValue),
      .text(row.confidence.rawValue), .text(reading.metric.rawValue), .text(reading.outcome.rawValue),
      .bytes(prediction.predicted.expected), .bytes(prediction.predicted.low), .bytes(prediction.predicted.high),
      reading.bytes.map { .bytes($0) } ?? .none, prediction.error.map { .percent($0) } ?? .none,
      prediction.isInside.map { .flag($0) } ?? .none, second.map { .text($0.metric.rawValue) } ?? .none,
      second.map { .bytes(prediction.predicted($0.metric).expected) } ?? .none,
      second.map { .bytes($0.bytes) } ?? .none, prediction.alternativeError.map { .percent($0) } ?? .none,
      prediction.foresawOutOfMemory.map { .flag($0) } ?? .none,
      reading.tokensPerSecond == nil ? .none : prediction.tokensPerSecond.map { .decimal($0) } ?? .none,
      reading.tokensPerSecond.map { .decimal($0) } ?? .none, .text(prediction.peakMoment), .none, .none,
      outlier.map { .text($0) } ?? .none,
    ]
  }

  private static func refused(_ refused: Validation.Refused) -> [Cell] {
    let row = refused.row
    let reading = row.reading
    return [
      .text(row.id), .text(row.sourceKey), .text(row.modelKey), .text(row.setting.method), .none, .none,
      .text(row.confidence.rawValue), .text(reading.metric.rawValue), .text(reading.outcome.rawValue), .none, .none,
      .none, reading.bytes.map { .bytes($0) } ?? .none, .none, .none,
      reading.alternative.map { .text($0.metric.rawValue) } ?? .none, .none,
      reading.alternative.map { .bytes($0.bytes) } ?? .none, .none, .none, .none,
      reading.tokensPerSecond.map { .decimal($0) } ?? .none, .none, .text(refused.refusal.reason.rawValue),
      .text(refused.refusal.text), .none,
    ]
  }
}
