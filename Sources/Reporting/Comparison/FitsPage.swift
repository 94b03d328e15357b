import Bookkeeping
import Modeling
public import Planning

/// Models on cards by method, the longest sequence or the smallest set of changes each: `Reports/fits.md` and `.csv`.
public struct FitsPage: Report {
  public let cells: [LongestFit]
  /// The sequence that changes are for where it does not fit.
  public let sequence: Int
  /// What makes the page.
  public let command: String

  public init(_ cells: [LongestFit], sequence: Int, command: String) {
    self.cells = cells
    self.sequence = sequence
    self.command = command
  }

  public var table: Table {
    Table(
      [
        Column("model", key: "model"), Column("card", key: "device"), Column("usable", key: "usable_bytes", .bytes),
        Column("method", key: "method"), Column("answer", key: "answer"),
        Column("longest sequence", key: "longest_sequence", .integer), Column("changes", key: "changes"),
        Column("cost", key: "changes_cost"), Column("device", key: "changed_device_bytes", .bytes),
        Column("saved", key: "saved_bytes", .bytes), Column("refusal", key: "refusal"),
      ],
      rows: cells.map { cell in
        let names: [Cell] = [
          .text(cell.spec.name), .text(cell.device.name), .bytes(cell.device.usable), .text(cell.method.name),
        ]
        return switch cell.answer {
        case .longest(let longest):
          names + ["fits", .integer(longest), .none, .none, .none, .none, .none]
        case .changes(let set, let longest):
          names + [
            "changes", .optional(longest), .text(set.flags), set.costliest.map { .text($0.rawValue) } ?? .none,
            .bytes(set.device.expected), .bytes(set.changes.reduce(.zero) { $0 + $1.saved }), .none,
          ]
        case .nothing(let longest):
          names + ["no", longest.map { .integer($0) } ?? .none, .none, .none, .none, .none, .none]
        case .refused(let reason): names + ["refused", .none, .none, .none, .none, .none, .text(reason)]
        }
      })
  }

  public var json: OrderedJSON { table.json }

  public var document: Document {
    let wanted = Fixed.grouped(sequence)
    var blocks: [Document.Block] = [
      .lead("What fits: models on cards, by method"),
      .paragraph(
        "Made by \(command); planned, not measured, and the same on every machine. One sequence a step on the trl stack, "
          + "weights loaded in bf16, everything else its own default."),
      .paragraph(
        "A number alone is the longest sequence that fits by the expected bytes, of those \(Axis.sequenceUnit) tokens apart up "
          + "to 1,024 and a sixteenth apart at most from there; * marks all that the model has positions for. Where \(wanted) "
          + "tokens don't fit, the smallest set of changes under which they do follows the longest that fits without it, if any "
          + "does; – is neither. Sets are those of plimsoll fit: the fewest changes of fidelity, then of time, then free "
          + "ones. What a set saves, and the costliest kind of its changes, is in fits.csv."),
    ]
    for spec in specs {
      blocks += [.heading("\(spec.name): \(Phrase.short(spec.parameterCount)) parameters"), .table(page(of: spec))]
    }
    return Document(blocks)
  }

  /// In the order of the cells.
  private var specs: [ModelSpec] {
    cells.reduce(into: []) { list, cell in
      if !list.contains(where: { $0.name == cell.spec.name }) { list.append(cell.spec) }
    }
  }

  /// A card a row, a method a column.
  private func page(of spec: ModelSpec) -> Table {
    let own = cells.filter { $0.spec.name == spec.name }
    let methods = own.reduce(into: [String]()) { if !$0.contains($1.method.name) { $0.append($1.method.name) } }
    let devices = own.reduce(into: [Device]()) { if !$0.contains($1.device) { $0.append($1.device) } }
    return Table(
      [Column("card", key: "card"), Column("usable", key: "usable_bytes", .gibibytes)]
        + methods.map { Column($0, key: $0) },
      rows: devices.map { device in
        [.text(device.title), .bytes(device.usable)]
          + methods.map { method in
            let cell = own.first { $0.device == device && $0.method.name == method }
            return .text(cell.map { $0.words } ?? "–")
          }
      })
  }
}

extension RemedySet {
  /// What its costliest change costs.
  fileprivate var costliest: Remedy.Cost? { changes.last?.cost }
}

extension LongestFit {
  /// The answer in the few words of a cell.
  fileprivate var words: String {
    func number(_ longest: Int?) -> String {
      longest.map { Fixed.grouped($0) + ($0 + Axis.sequenceUnit > spec.maximumPositions ? "*" : "") } ?? "–"
    }
    return switch answer {
    case .longest(let longest): number(longest)
    case .changes(let set, let longest):
      longest == nil ? set.flags : "\(number(longest)); \(set.flags)"
    case .nothing(let longest): number(longest)
    case .refused: "not planned"
    }
  }
}
