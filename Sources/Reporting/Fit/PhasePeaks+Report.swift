import Bookkeeping
import Planning

extension PhasePeaks {
  /// The peaks side by side: the first step's and the others'.
  var table: Table {
    let rows: [(String, KeyPath<Step, Bytes>)] = [
      ("forward", \.forward), ("loss", \.loss), ("backward", \.backward), ("optimizer", \.optimizer),
    ]
    return Table(
      [
        Column("part", key: "part"), Column("first step", key: "first_bytes", .bytes),
        Column("further steps", key: "steady_bytes", .bytes),
      ],
      rows: [[.text("loading"), .bytes(load), .none]]
        + rows.map { [.text($0), .bytes(first[keyPath: $1]), .bytes(steady[keyPath: $1])] })
  }

  var json: OrderedJSON {
    ["load": .integer(load.count), "first_step": first.json, "steady_step": steady.json, "peak": .integer(peak.count)]
  }
}

extension PhasePeaks.Step {
  fileprivate var json: OrderedJSON {
    [
      "forward": .integer(forward.count), "loss": .integer(loss.count), "backward": .integer(backward.count),
      "optimizer": .integer(optimizer.count),
    ]
  }
}
