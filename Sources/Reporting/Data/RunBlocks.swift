import Bookkeeping
import Modeling
import Planning

/// A whole run whose time several recipes are held against, as a few facts and as a value.
enum RunBlocks {
  static func blocks(_ run: WholeRun) -> [Document.Block] {
    switch run {
    case .data(let data, let sequence):
      let notes: [Document.Block] = data.samples.notes.isEmpty ? [] : [.list(data.samples.notes)]
      let facts = DataFacts(name: data.name, samples: data.samples, sequence: sequence).facts
      return [.heading("The data"), .facts(facts + [Document.Fact("the run", way(data))])] + notes
    case .extent(let extent, let epochs): return [.facts([Document.Fact("the run", sentence(extent, epochs: epochs))])]
    }
  }

  /// `2 epochs in random order`.
  private static func way(_ data: MeasuredData) -> String {
    "\(data.epochs == 1 ? "1 epoch" : "\(Phrase.number(data.epochs)) epochs") in \(data.order.title)"
  }

  /// `1,000 samples, 3 times`.
  static func sentence(_ extent: RunTime.Extent, epochs: Double) -> String {
    let count =
      switch extent {
      case .tokens(let count): Phrase.count(count, "token")
      case .samples(let count): Phrase.count(count, "sample")
      }
    return count + (epochs == 1 ? "" : ", \(Phrase.number(epochs)) times")
  }

  static func json(_ run: WholeRun) -> OrderedJSON {
    switch run {
    case .data(let data, let sequence):
      return [
        "file": .string(data.name), "samples": .integer(data.samples.count), "tokens": .integer(data.samples.total),
        "sequence": .integer(sequence), "order": .string(data.order.rawValue), "epochs": .number(data.epochs),
      ]
    case .extent(.tokens(let count), let epochs): return ["tokens": .integer(count), "epochs": .number(epochs)]
    case .extent(.samples(let count), let epochs): return ["samples": .integer(count), "epochs": .number(epochs)]
    }
  }
}

extension WholeRun.Time {
  var json: OrderedJSON {
    ["steps": .integer(steps), "seconds": seconds?.json ?? .null, "hours": .optional(hours)]
  }
}
