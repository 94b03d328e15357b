import Bookkeeping
import Modeling

/// The books of a shallow model, cut up by layer, so that those of a deep one can be copied together from them.
///
/// The layers of a decoder are alike. A walk comes to them in sweeps, one after the other up or down; what it does in
/// the first and in the last layer may differ from the rest, and between the sweeps it does what belongs to no layer.
/// A pattern exists only where the two middle layers of the shallow walk did exactly the same: opened tensors of the
/// same shapes and formats in the same order, and closed the same ones of their own or a neighboring layer.
struct LayerPattern {
  /// Layers of the shallow walk: a first, a last, and two between them to compare.
  static let depth = 4

  /// What a walk does in a row in one layer, or outside of all.
  struct Stretch {
    var events: Range<Int>
    /// What it opens; openings are numbered in the order of events.
    var openings: Range<Int>
  }

  enum Part {
    /// Outside of all layers, or at the first or last one only.
    case fixed(Stretch)
    /// One stretch a layer, by layer.
    case sweep([Stretch], isAscending: Bool)
  }

  /// One event, with what it refers to said in a way that holds at any depth.
  enum Operation: Equatable {
    case advance(StepClock.Instant)
    /// An opening of the shallow journal.
    case open(Int)
    case close(Reference)
  }

  /// An opening, by where it was made.
  struct Reference: Equatable {
    enum Layer: Equatable {
      case none
      case first, last
      /// So many layers above the one that is walked.
      case offset(Int)
    }

    let part: Int
    let layer: Layer
    /// Its number within the stretch that made it.
    let place: Int
  }

  let journal: Journal
  let parts: [Part]

  /// Finds the pattern in the books of a model of ``depth`` layers; `nil` if there is none.
  ///
  /// - Parameters:
  ///   - layers: of each opening outside the moments of layers, the layer that it is made for.
  ///   - closingLayers: of each closing, by its event's index, the layer that it is made for, where that is not the
  ///     layer of what is closed.
  init?(_ journal: Journal, clock: StepClock, layers: [Int?], closingLayers: [Int: Int] = [:]) {
    self.journal = journal
    parts = LayerPattern.parts(
      LayerPattern.stretches(of: journal, clock, layers, closingLayers), depth: clock.depth)
    homes = LayerPattern.homes(parts, count: journal.entries.count)
    self.clock = clock
    guard clock.depth < LayerPattern.depth || repeatsItself else { return nil }
  }

  private let clock: StepClock
  /// Where each opening was made: its part, its layer if that is a sweep, its number in the stretch.
  private let homes: [(part: Int, layer: Int?, place: Int)]

  // MARK: Reading

  /// The operations of a stretch of `part`; `nil` if one refers to something that deeper models have no single one of.
  func operations(of stretch: Stretch, layer: Int?) -> [Operation]? {
    var operations: [Operation] = []
    operations.reserveCapacity(stretch.events.count)
    var opening = stretch.openings.lowerBound
    for event in journal.events[stretch.events] {
      switch event {
      case .advance(let moment): operations.append(.advance(clock.instants[moment.ordinal]))
      case .open:
        operations.append(.open(opening))
        opening += 1
      case .close(let id):
        guard let reference = reference(to: id.index, from: layer) else { return nil }
        operations.append(.close(reference))
      }
    }
    return operations
  }

  private func reference(to opening: Int, from layer: Int?) -> Reference? {
    let home = homes[opening]
    guard let homeLayer = home.layer else { return Reference(part: home.part, layer: .none, place: home.place) }
    let target: Reference.Layer
    switch layer {
    case let layer?:
      guard abs(homeLayer - layer) <= 1 else { return nil }
      target = .offset(homeLayer - layer)
    case nil where homeLayer == 0: target = .first
    case nil where homeLayer == clock.depth - 1: target = .last
    case nil: return nil
    }
    return Reference(part: home.part, layer: target, place: home.place)
  }

  /// Whether the second and the third layer do the same in every sweep.
  private var repeatsItself: Bool {
    parts.allSatisfy { part in
      guard case .sweep(let stretches, _) = part else { return true }
      guard let second = operations(of: stretches[1], layer: 1), let third = operations(of: stretches[2], layer: 2)
      else { return false }
      return second.count == third.count && zip(second, third).allSatisfy(isRepeated)
    }
  }

  private func isRepeated(_ second: Operation, _ third: Operation) -> Bool {
    switch (second, third) {
    case (.advance(let one), .advance(let next)): one.moved(by: 1) == next
    case (.open(let one), .open(let next)): journal.entries[one].isLike(journal.entries[next])
    case (.close(let one), .close(let next)): one == next
    default: false
    }
  }

  // MARK: Cutting

  /// The journal in stretches of one layer each.
  private static func stretches(
    of journal: Journal, _ clock: StepClock, _ layers: [Int?], _ closingLayers: [Int: Int]
  ) -> [(layer: Int?, stretch: Stretch)] {
    var list: [(layer: Int?, stretch: Stretch)] = []
    var labels = layers
    var current: Int?
    var opened = 0
    for (index, event) in journal.events.enumerated() {
      let layer: Int?
      let openings: Int
      switch event {
      case .advance(let moment):
        current = clock.instants[moment.ordinal].layer
        (layer, openings) = (current, 0)
      case .open(let id):
        labels[id.index] = current ?? labels[id.index]
        (layer, openings) = (labels[id.index], 1)
      case .close(let id): (layer, openings) = (closingLayers[index] ?? current ?? labels[id.index], 0)
      }
      if let last = list.last, last.layer == layer {
        list[list.count - 1].stretch.events = last.stretch.events.lowerBound..<index + 1
        list[list.count - 1].stretch.openings = last.stretch.openings.lowerBound..<opened + openings
      } else {
        list.append((layer, Stretch(events: index..<index + 1, openings: opened..<opened + openings)))
      }
      opened += openings
    }
    return list
  }

  private static func parts(_ stretches: [(layer: Int?, stretch: Stretch)], depth: Int) -> [Part] {
    var parts: [Part] = []
    var index = 0
    let ascending = (0..<depth).map { Optional($0) }
    while index < stretches.count {
      let next = stretches[index..<min(index + depth, stretches.count)]
      let order = next.map(\.layer)
      if order == ascending {
        parts.append(.sweep(next.map(\.stretch), isAscending: true))
        index += depth
      } else if order == ascending.reversed() {
        parts.append(.sweep(next.map(\.stretch).reversed(), isAscending: false))
        index += depth
      } else {
        parts.append(.fixed(stretches[index].stretch))
        index += 1
      }
    }
    return parts
  }

  private static func homes(_ parts: [Part], count: Int) -> [(part: Int, layer: Int?, place: Int)] {
    var homes: [(part: Int, layer: Int?, place: Int)] = Array(repeating: (0, nil, 0), count: count)
    for (number, part) in parts.enumerated() {
      let stretches: [(layer: Int?, stretch: Stretch)] =
        switch part {
        case .fixed(let stretch): [(nil, stretch)]
        case .sweep(let stretches, _): stretches.enumerated().map { ($0, $1) }
        }
      for (layer, stretch) in stretches {
        for opening in stretch.openings {
          homes[opening] = (number, layer, opening - stretch.openings.lowerBound)
        }
      }
    }
    return homes
  }
}

extension StepClock {
  /// Layers of the model that it ticks for.
  fileprivate var depth: Int {
    instants.reduce(0) { depth, instant in max(depth, (instant.layer ?? -1) + 1) }
  }
}

extension StepClock.Instant {
  /// The layer that the instant is in, if any.
  var layer: Int? {
    guard case .step(_, .layer(let layer, _), _) = self else { return nil }
    return layer
  }

  /// The same operation so many layers up.
  func moved(by layers: Int) -> StepClock.Instant {
    guard case .step(let phase, .layer(let layer, let operation), let microBatch) = self else { return self }
    return .step(phase, .layer(layer + layers, operation), microBatch: microBatch)
  }
}

extension Entry {
  /// Whether another layer's entry is the same but for its number.
  fileprivate func isLike(_ other: Entry) -> Bool {
    account == other.account && bytes == other.bytes && format == other.format && shape == other.shape
  }
}
