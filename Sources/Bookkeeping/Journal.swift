/// The chronological record of one step: every moment reached, every buffer opened and closed, in order.
///
/// Both clerks write one: the planner from shapes, the engine's arena from what it really hands out. The order inside
/// a moment is part of the record, so a peak is exact and not an upper bound.
public struct Journal: Sendable {
  /// Identifies an opening within this journal.
  public struct ID: Hashable, Sendable {
    /// The opening's place among all, from 0 on.
    public let index: Int

    package init(index: Int) { self.index = index }
  }

  public enum Event: Hashable, Sendable {
    case advance(Moment)
    case open(ID)
    case close(ID)
  }

  public let clock: Clock
  public private(set) var now: Moment
  public private(set) var events: [Event]
  /// Every opening as an entry, as far as it has been written: that of an ``ID`` stands at its index.
  public private(set) var entries: [Entry] = []

  /// Starts at the clock's first moment.
  public init(clock: Clock) {
    precondition(clock.count > 0, "a clock without moments cannot be written to")
    self.clock = clock
    now = Moment(0)
    events = [.advance(now)]
  }

  /// Moves on to `moment`; time never runs backwards.
  public mutating func advance(to moment: Moment) {
    guard moment != now else { return }
    precondition(
      moment > now && moment.ordinal < clock.count,
      "the journal stands at \(clock.label(of: now)) and cannot move to moment \(moment.ordinal)")
    now = moment
    events.append(.advance(moment))
  }

  /// Writes down that a buffer is opened now.
  ///
  /// `bytes` is what its format needs, unless the caller knows better.
  public mutating func open(
    _ name: String, _ account: Account, _ shape: Shape, _ format: ScalarFormat, bytes: Bytes? = nil
  ) -> ID {
    let id = ID(index: entries.count)
    entries.append(
      Entry(
        name: name, account: account, shape: shape, format: format, bytes: bytes ?? format.storage(of: shape.count),
        opened: now, closed: nil))
    events.append(.open(id))
    return id
  }

  /// Writes down that a buffer is closed now; each is closed once.
  public mutating func close(_ id: ID) {
    precondition(entries[id.index].closed == nil, "\(entries[id.index].name) is closed twice")
    entries[id.index].closed = now
    events.append(.close(id))
  }

  /// Bytes of one opening, for allocators that replay the events.
  public func bytes(of id: ID) -> Bytes { entries[id.index].bytes }

  /// One opening as an entry, as far as it has been written.
  public func entry(_ id: ID) -> Entry { entries[id.index] }

  /// Account of one opening, for allocators that replay the events.
  public func account(of id: ID) -> Account { entries[id.index].account }

  /// What is still open, as entries.
  public var stillOpen: [Entry] { entries.filter { $0.closed == nil } }

  /// Makes room for a record whose length is known.
  public mutating func reserveCapacity(events count: Int, openings: Int) {
    events.reserveCapacity(count)
    entries.reserveCapacity(openings)
  }
}
