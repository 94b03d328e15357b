import Bookkeeping
import Modeling
public import Planning

/// What `validate --probe` prints: the step that was measured beside the one that was planned, and the whole model.
public struct ProbeReport: Report {
  public let comparison: ProbeComparison

  public init(_ comparison: ProbeComparison) { self.comparison = comparison }

  var recording: ProbeRecording { comparison.recording }

  public var document: Document {
    var blocks: [Document.Block] = [.lead(sentence)]
    blocks += [.heading("What is live, by phase of a steady step"), .table(phaseTable)]
    blocks += [.heading("One layer, and what is there but once"), .table(layerTable)]
    blocks += wholeBlocks
    blocks += [.heading("Measured with"), .facts(machineFacts)]
    blocks += [.heading("How to read it"), .list(notes)]
    return Document(blocks)
  }

  // MARK: Tables

  /// Every phase, figure and number of layers, in bytes.
  public var table: Table {
    Table(
      [
        Column("phase", key: "phase"), Column("figure", key: "figure"), Column("layers", key: "layers", .integer),
        Column("measured", key: "measured_bytes", .integer), Column("planned", key: "planned_bytes", .integer),
        Column("difference", key: "difference_bytes", .integer),
      ],
      rows: comparison.lines.flatMap { line in
        line.pairs.map { pair in
          [
            .text(line.phase.rawValue), .text(line.figure.rawValue), .integer(pair.layers),
            .integer(pair.measured.count), .integer(pair.planned.count), .integer(pair.difference.count),
          ]
        }
      })
  }

  /// For people: the deepest of the measured models.
  private var phaseTable: Table {
    Table(
      [
        Column("phase", key: "phase"), Column("", key: "figure"), Column("layers", key: "layers", .integer),
        Column("measured", key: "measured_bytes", .mebibytes), Column("planned", key: "planned_bytes", .mebibytes),
        Column("off by", key: "difference_bytes", .integer, unit: "bytes"),
        Column("off by", key: "error", .percent(places: 2)),
      ],
      rows: comparison.lines.compactMap { line in
        guard let pair = line.pairs.last else { return nil }
        return [
          .text(line.phase.rawValue), .text(line.figure.rawValue), .integer(pair.layers), .bytes(pair.measured),
          .bytes(pair.planned), .integer((pair.planned - pair.measured).count), ProbeReport.error(pair),
        ]
      })
  }

  private var layerTable: Table {
    Table(
      [
        Column("phase", key: "phase"), Column("", key: "figure"),
        Column("a layer", key: "layer_measured_bytes", .integer), Column("planned", key: "layer_planned", .integer),
        Column("once", key: "fixed_measured_bytes", .integer), Column("planned", key: "fixed_planned", .integer),
        Column("even", key: "even", .flag),
      ],
      rows: comparison.lines.compactMap { line in
        guard let perLayer = line.perLayer, let fixed = line.fixed else { return nil }
        return [
          .text(line.phase.rawValue), .text(line.figure.rawValue), .integer(perLayer.measured.count),
          .integer(perLayer.planned.count), .integer(fixed.measured.count), .integer(fixed.planned.count),
          .flag(line.isEven),
        ]
      })
  }

  private var wholeBlocks: [Document.Block] {
    let whole = comparison.whole
    let rows = [("allocated", whole.allocated), ("reserved", whole.reserved)].compactMap { name, pair -> [Cell]? in
      guard let pair else { return nil }
      return [.text(name), .bytes(pair.measured), .bytes(pair.planned), ProbeReport.error(pair)]
    }
    let table = Table(
      [
        Column("figure", key: "figure"), Column("from the probe", key: "measured_bytes", .bytes),
        Column("planned", key: "planned_bytes", .bytes), Column("off by", key: "error", .percent(places: 2)),
      ],
      rows: rows)
    return [.heading("At the peak, with all \(whole.layers) layers"), .table(table)]
  }

  private static func error(_ pair: ProbeComparison.Pair) -> Cell {
    guard pair.measured > .zero else { return .none }
    return .percent(Double((pair.planned - pair.measured).count) / Double(pair.measured.count))
  }
}

extension ProbeReport {
  /// Reads a probe's result and plans the same step.
  ///
  /// - Throws: ``ProbeError`` for a file that can't be read, ``PlanError`` for a step without rules.
  public init(reading path: String) throws {
    self.init(try ProbeComparison(ProbeRecording(path: path)))
  }
}
