import Bookkeeping
import Modeling

/// The journal of a deep model as it is copied together.
struct UnrolledJournal: UnrollingSink {
  private let shallow: [Entry]
  private let clock: StepClock
  private let names: [NumberedName]
  private let depth: Int
  /// The shallow opening that each opening is a copy of.
  private(set) var templates: [Int] = []
  private(set) var journal: Journal

  /// - Parameters:
  ///   - pattern: that of ``LayerPattern/depth`` layers.
  ///   - shallower: that of a layer less, which tells the numbers that count layers from the end.
  /// - Returns: `nil` if names don't tell layers.
  init?(_ pattern: LayerPattern, shallower: LayerPattern, clock: StepClock, depth: Int) {
    guard let names = UnrolledJournal.names(pattern, shallower) else { return nil }
    self.names = names
    self.depth = depth
    self.clock = clock
    shallow = pattern.journal.entries
    journal = Journal(clock: clock.clock)
    let times = depth / LayerPattern.depth + 1
    journal.reserveCapacity(events: times * pattern.journal.events.count, openings: times * shallow.count)
    templates.reserveCapacity(times * shallow.count)
  }

  mutating func advance(to instant: StepClock.Instant) { journal.advance(to: clock[instant]) }

  mutating func open(_ template: Int, layer: Int?) {
    let entry = shallow[template]
    templates.append(template)
    _ = journal.open(
      names[template].text(in: layer ?? depth - 1, top: depth - 1), entry.account, entry.shape, entry.format,
      bytes: entry.bytes)
  }

  mutating func close(_ opening: Int) { journal.close(Journal.ID(index: opening)) }

  /// The names of the shallow openings, open in the layer of a middle one, in that of the last one otherwise.
  private static func names(_ pattern: LayerPattern, _ shallower: LayerPattern) -> [NumberedName]? {
    guard pattern.parts.count == shallower.parts.count else { return nil }
    let (entries, others) = (pattern.journal.entries, shallower.journal.entries)
    var names: [NumberedName] = []
    names.reserveCapacity(entries.count)
    func add(_ openings: Range<Int>, _ from: [Entry], layer: Int, _ next: Range<Int>, _ entries: [Entry]) -> Bool {
      guard openings.count == next.count else { return false }
      for (one, other) in zip(openings, next) {
        guard let name = NumberedName(from[one].name, layer: layer, next: entries[other].name) else { return false }
        names.append(name)
      }
      return true
    }
    let top = LayerPattern.depth - 1
    func addMiddle(_ openings: Range<Int>, _ next: Range<Int>, _ less: Range<Int>) -> Bool {
      guard openings.count == next.count, openings.count == less.count else { return false }
      for ((one, other), shallower) in zip(zip(openings, next), less) {
        guard
          let name = NumberedName(
            entries[one].name, layer: 1, next: entries[other].name, shallower: others[shallower].name, top: top)
        else { return false }
        names.append(name)
      }
      return true
    }
    for (part, other) in zip(pattern.parts, shallower.parts) {
      switch (part, other) {
      case (.fixed(let stretch), .fixed(let less)):
        guard add(less.openings, others, layer: top - 1, stretch.openings, entries) else { return nil }
      case (.sweep(let stretches, let isAscending), .sweep(let fewer, _)):
        // In the order of opening.
        for layer in isAscending ? Array(stretches.indices) : stretches.indices.reversed() {
          let isNamed =
            switch layer {
            case 0: add(fewer[0].openings, others, layer: top - 1, stretches[0].openings, entries)
            case top: add(fewer[top - 1].openings, others, layer: top - 1, stretches[top].openings, entries)
            // The third layer is there to be compared with the second, and never copied.
            default: addMiddle(stretches[1].openings, stretches[2].openings, fewer[1].openings)
            }
          guard isNamed else { return nil }
        }
      default: return nil
      }
    }
    return names
  }
}
