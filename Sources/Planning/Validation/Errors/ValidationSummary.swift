import Modeling

/// The errors of a whole file, and of each group of its rows.
public struct ValidationSummary: Sendable {
  /// Errors of rows that share a property.
  public struct Group: Hashable, Sendable {
    public let name: String
    public let errors: ErrorStatistics
    /// The share of measurements inside the planned interval.
    public let inside: Double
  }

  /// A property that rows are grouped by.
  public enum Key: String, CaseIterable, Hashable, Sendable {
    case source, method, stack, model, metric, length, sharding

    func value(of prediction: Prediction) -> String {
      switch self {
      case .source: prediction.row.sourceKey
      case .method: prediction.row.setting.method
      case .stack: prediction.recipe.stack.rawValue
      case .model: prediction.row.modelKey
      case .metric: prediction.row.reading.metric.rawValue
      case .length: LengthKind(reading: prediction.row.setting.sequenceKind).rawValue
      case .sharding: prediction.recipe.parallelism.sharding.rawValue
      }
    }
  }

  /// Every measured row once; `nil` where there is none.
  public let errors: ErrorStatistics?
  /// The mean over sources and models: first within each pair of them, then over the pairs.
  public let groupedMean: Double?
  public let groupedBias: Double?
  /// How many pairs of source and model there are.
  public let pairs: Int
  public let inside: Double?
  public let groups: [Key: [Group]]

  init(_ predictions: [Prediction]) {
    let scored = predictions.filter { $0.error != nil }
    errors = ErrorStatistics(scored.compactMap(\.error))
    inside = ValidationSummary.inside(scored)
    let byPair = Dictionary(grouping: scored) { [$0.row.sourceKey, $0.row.modelKey] }
    let statistics = byPair.values.compactMap { ErrorStatistics($0.compactMap(\.error)) }
    pairs = statistics.count
    groupedMean = ValidationSummary.mean(statistics.map(\.mean))
    groupedBias = ValidationSummary.mean(statistics.map(\.bias))
    groups = Dictionary(
      uniqueKeysWithValues: Key.allCases.map { key in
        let parts = Dictionary(grouping: scored, by: key.value)
        let groups = parts.keys.sorted().compactMap { name -> Group? in
          let rows = parts[name] ?? []
          return ErrorStatistics(rows.compactMap(\.error)).map {
            Group(name: name, errors: $0, inside: ValidationSummary.inside(rows) ?? 0)
          }
        }
        return (key, groups)
      })
  }

  /// Errors of tokens a second by the card that they were measured on.
  static func speeds(_ predictions: [Prediction]) -> [Group] {
    let timed = predictions.filter { $0.speedError != nil }
    let byDevice = Dictionary(grouping: timed) { $0.device?.name ?? "unknown" }
    return byDevice.keys.sorted().compactMap { name in
      let rows = byDevice[name] ?? []
      let known = rows.compactMap(\.isSpeedInside)
      return ErrorStatistics(rows.compactMap(\.speedError)).map {
        Group(name: name, errors: $0, inside: Double(known.count { $0 }) / Double(max(1, known.count)))
      }
    }
  }

  static func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  private static func inside(_ rows: [Prediction]) -> Double? {
    let known = rows.compactMap(\.isInside)
    return known.isEmpty ? nil : Double(known.count { $0 }) / Double(known.count)
  }
}
