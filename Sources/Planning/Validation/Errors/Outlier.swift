import Bookkeeping

/// A prediction that is far off, with what probably explains it.
public struct Outlier: Hashable, Sendable {
  public let id: String
  public let error: Double
  /// A sentence that says "probably": the part of the plan whose size is closest to what is missing or too much.
  public let explanation: String

  /// Errors beyond this are outliers wherever they stand.
  static let limit = 0.15
  /// Sources with fewer rows have no spread to speak of.
  static let leastRows = 5

  /// Those of `predictions` that are off by more than ``limit``, or by three robust standard deviations of their source.
  static func find(_ predictions: [Prediction]) -> [Outlier] {
    var spreads: [String: (center: Double, deviation: Double)] = [:]
    for (source, rows) in Dictionary(grouping: predictions, by: { $0.row.sourceKey }) where rows.count >= leastRows {
      spreads[source] = ErrorStatistics.robust(rows.compactMap(\.error))
    }
    return predictions.compactMap { prediction in
      guard let error = prediction.error else { return nil }
      let spread = spreads[prediction.row.sourceKey]
      let isStray = spread.map { $0.deviation > 0 && abs(error - $0.center) > 3 * $0.deviation } ?? false
      // A source that agrees to a few bytes has strays that nobody would look at.
      guard abs(error) > limit || (isStray && abs(error) > 0.01) else { return nil }
      return Outlier(id: prediction.row.id, error: error, explanation: explanation(prediction))
    }
  }

  /// How close a part's size has to be to the residual to be named.
  private static let tolerance = 0.3

  static func explanation(_ prediction: Prediction) -> String {
    guard let measured = prediction.row.reading.bytes else { return "" }
    let residual = prediction.predicted.expected - measured
    let size = Double(residual.count.magnitude)
    let isTooLarge = residual > .zero
    var candidates: [(distance: Double, text: String)] = []
    func consider(_ bytes: Bytes, _ text: String) {
      guard bytes > .zero else { return }
      candidates.append((abs(Double(bytes.count) / size - 1), text))
    }
    for (account, bytes) in prediction.accounts.sorted(by: { $0.key < $1.key }) {
      consider(
        bytes,
        isTooLarge
          ? "the plan's \(account.title) (\(bytes)) are probably not there in the run"
          : "the run probably holds as much again as the plan's \(account.title) (\(bytes))")
      if isTooLarge {
        consider(Bytes(bytes.count / 2), "the run's \(account.title) are probably half of the plan's (\(bytes))")
      }
    }
    let steady = prediction.phases.steady
    let parts = [
      ("loading", prediction.phases.load), ("the forward pass", steady.forward), ("the loss", steady.loss),
      ("the backward pass", steady.backward), ("the optimizer's step", steady.optimizer),
    ]
    for (name, bytes) in parts where isTooLarge && bytes > .zero && bytes < prediction.phases.peak {
      consider(prediction.phases.peak - bytes, "the run's peak is probably that of \(name), \(bytes) in the plan")
    }
    let cache = prediction.reserved.expected - prediction.allocated.expected
    if prediction.row.reading.metric != .allocated {
      consider(
        cache,
        isTooLarge
          ? "the allocator's cache (\(cache)) is probably not in the figure"
          : "the run's allocator probably kept as much again as the plan's (\(cache)): lengths that vary fragment it")
    }
    guard let best = candidates.min(by: { $0.distance < $1.distance }), best.distance <= tolerance else {
      return "\(isTooLarge ? "too large" : "too small") by \(Bytes(residual.count.magnitude.asInt)), which no part of "
        + "the plan explains alone"
    }
    return best.text
  }
}

extension UInt {
  fileprivate var asInt: Int { Int(clamping: self) }
}
