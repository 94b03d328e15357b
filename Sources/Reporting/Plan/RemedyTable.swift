import Bookkeeping
import Planning

/// A set of changes as rows, each on top of those before.
enum RemedyTable {
  static func table(of set: RemedySet) -> Table {
    let isTimed = set.tokensPerSecondBefore != nil
    let rows = Swift.zip(set.changes, [set.tokensPerSecondBefore] + set.changes.map(\.tokensPerSecond)).map {
      change, before -> [Cell] in
      let row: [Cell] = [
        .text(change.change), .text(change.cost.word), .bytes(change.saved), .bytes(change.device.expected),
      ]
      guard isTimed else { return row }
      let speed = zip(change.tokensPerSecond, before).map { Cell.percent($0 / max($1, .leastNonzeroMagnitude) - 1) }
      return row + [speed ?? .none]
    }
    return Table(
      [
        Column("change", key: "change"), Column("costs", key: "cost"), Column("saves", key: "saved_bytes", .bytes),
        Column("then", key: "device_bytes", .bytes),
      ] + (isTimed ? [Column("tokens/s", key: "speed_change", .percent(places: 0))] : []), rows: rows)
  }

  private static func zip(_ one: Double?, _ other: Double?) -> (Double, Double)? {
    guard let one, let other else { return nil }
    return (one, other)
  }
}

extension Remedy.Cost {
  /// What is paid, in a word.
  var word: String {
    switch self {
    case .free: "nothing"
    case .time: "time"
    case .fidelity: "fidelity"
    case .task: "length"
    }
  }
}

extension Cell {
  /// A number that may not be.
  static func optional(_ value: Int?) -> Cell { value.map { .integer($0) } ?? .none }
  static func optional(_ value: Double?) -> Cell { value.map { .decimal($0) } ?? .none }
}
