import Bookkeeping
import Modeling

/// The journal of everything between an empty device and the first step.
///
/// It ends with what the step's own journal begins with, less what only the step brings: batches, optimizer states,
/// library workspaces. The loader's threads may hold a few tensors more in flight.
enum LoadJournal {
  /// The moments of loading; the last two only where there is something to do.
  private static let clock = Clock(labels: ["load.weights", "load.prepare", "load.adapters"])

  /// - Parameter residents: what is there when the step begins, in the order in which it is opened.
  static func journal(of residents: [Entry], _ rules: LoadRules) -> Journal {
    var journal = Journal(clock: clock)
    var borrowed: [Journal.ID] = []
    var casts: [(id: Journal.ID, entry: Entry)] = []
    func giveBack(_ journal: inout Journal) {
      for id in borrowed.reversed() { journal.close(id) }
      borrowed.removeAll(keepingCapacity: true)
    }
    for entry in residents {
      let role = rules.role(of: entry)
      if role != .constant { giveBack(&journal) }
      switch role {
      case .plain, .constant: keep(entry, &journal)
      case .quantized(let source, let buffers):
        borrowed.append(
          journal.open(entry.name + ".source", .workspace, entry.shape, rules.source, bytes: Bytes(source)))
        for loan in buffers {
          borrowed.append(
            journal.open(TensorName.part(loan.name, of: entry.name), .workspace, [loan.count], loan.format))
        }
        keep(entry, &journal)
      case .upcast:
        casts.append((journal.open(entry.name + ".source", .weights, entry.shape, rules.source), entry))
      case .adapter, .state, .batch, .workspace: continue
      }
    }
    giveBack(&journal)
    if !casts.isEmpty { journal.advance(to: Moment(1)) }
    for cast in casts {
      keep(cast.entry, &journal)
      journal.close(cast.id)
    }
    let adapters = residents.filter { rules.role(of: $0) == .adapter }
    if !adapters.isEmpty { journal.advance(to: Moment(2)) }
    for entry in adapters { keep(entry, &journal) }
    return journal
  }

  /// Bytes that loading never goes above: all that stays, with the largest of what is borrowed for one weight, and every
  /// source that is cast.
  static func ceiling(of residents: [AllocationTrace.Resident]) -> Int {
    var (kept, borrowed, sources) = (0, 0, 0)
    for resident in residents {
      switch resident.role {
      case .plain, .constant, .adapter: kept += resident.bytes
      case .quantized(let source, let buffers):
        kept += resident.bytes
        borrowed = max(borrowed, buffers.reduce(source) { $0 + $1.bytes })
      case .upcast(let source):
        kept += resident.bytes
        sources += source
      case .state, .batch, .workspace: continue
      }
    }
    return kept + borrowed + sources
  }

  private static func keep(_ entry: Entry, _ journal: inout Journal) {
    _ = journal.open(entry.name, entry.account, entry.shape, entry.format, bytes: entry.bytes)
  }
}

extension Journal {
  /// What is opened in the first moment.
  var residents: [Entry] { Array(entries.prefix { $0.opened == Moment(0) }) }
}
