/// The books of one step: entries with their lifetimes, and what was live when.
///
/// Peak, timeline, verdict, comparison and report are pure functions of a ledger.
public struct Ledger: Sendable {
  public let clock: Clock
  /// In the order of opening.
  public let entries: [Entry]
  /// One row a moment of the clock, in order.
  public let timeline: [Tide]
  /// The highest water of the step, and who is in it.
  public let peak: Peak

  /// Posts a journal.
  public init(posting journal: Journal) {
    clock = journal.clock
    entries = journal.entries
    var posting = Posting(clock: journal.clock)
    for (index, event) in journal.events.enumerated() { posting.post(event, at: index, of: journal.entries) }
    timeline = posting.finish()
    peak = Peak(
      moment: posting.peakMoment, bytes: posting.peakBytes,
      entries: posting.peakEvent.map(journal.entries(aliveAfter:)) ?? [])
  }
}

/// How high the water stood during one moment.
public struct Tide: Hashable, Sendable {
  public let moment: Moment
  /// The most bytes live at once during the moment.
  public let high: Bytes
  /// Bytes live when the moment ends.
  public let end: Bytes
  /// The most bytes of each account live at once during the moment.
  ///
  /// Accounts may crest at different instants, so these can add up to more than ``high``.
  public var highByAccount: [Account: Bytes] {
    Dictionary(
      uniqueKeysWithValues: zip(Account.allCases, highByRank).filter { $1 != .zero }.map { ($0, $1) })
  }

  /// ``highByAccount`` with a place for every account, by its rank.
  let highByRank: [Bytes]
}

/// The instant at which the most bytes are live.
public struct Peak: Sendable {
  public let moment: Moment
  public let bytes: Bytes
  /// Everything alive at that instant, in the order of opening.
  public let entries: [Entry]

  /// What each account holds at the peak; the values add up to ``bytes``.
  public var accounts: [Account: Bytes] {
    entries.reduce(into: [:]) { $0[$1.account, default: .zero] += $1.bytes }
  }
}

extension Journal {
  /// What is alive when the event of this index has been written, in the order of opening.
  ///
  /// Buffers of no bytes that are opened right after it are counted in: the next close ends the instant.
  fileprivate func entries(aliveAfter index: Int) -> [Entry] {
    var isAlive: [Bool] = []
    for (place, event) in events.enumerated() {
      switch event {
      case .advance: continue
      case .open: isAlive.append(true)
      case .close(let id):
        if place > index { return zip(entries, isAlive).filter(\.1).map(\.0) }
        isAlive[id.index] = false
      }
    }
    return zip(entries, isAlive).filter(\.1).map(\.0)
  }
}

/// Replays a journal once, keeping the running totals.
private struct Posting {
  private let clock: Clock
  private var live = Bytes.zero
  /// By the rank of the account, as are the highs.
  private var liveByRank = [Bytes](repeating: .zero, count: Account.allCases.count)
  private var high = Bytes.zero
  private var highByRank = [Bytes](repeating: .zero, count: Account.allCases.count)
  private var now = Moment(0)
  private var tides: [Tide] = []
  private(set) var peakBytes = Bytes.zero
  private(set) var peakMoment = Moment(0)
  /// The opening that made the water stand highest.
  private(set) var peakEvent: Int?

  init(clock: Clock) {
    self.clock = clock
    tides.reserveCapacity(clock.count)
  }

  mutating func post(_ event: Journal.Event, at index: Int, of entries: [Entry]) {
    switch event {
    case .advance(let moment):
      guard moment > now else { return }
      closeMoment()
      // Moments that nothing was written in still have a tide: the water that stood there.
      for skipped in now.ordinal + 1..<moment.ordinal {
        now = Moment(skipped)
        closeMoment()
      }
      now = moment
    case .open(let id):
      let bytes = entries[id.index].bytes
      let rank = entries[id.index].account.rank
      live += bytes
      liveByRank[rank] += bytes
      high = max(high, live)
      highByRank[rank] = max(highByRank[rank], liveByRank[rank])
      if live > peakBytes {
        peakBytes = live
        peakMoment = now
        peakEvent = index
      }
    case .close(let id):
      let bytes = entries[id.index].bytes
      live -= bytes
      liveByRank[entries[id.index].account.rank] -= bytes
    }
  }

  private mutating func closeMoment() {
    tides.append(Tide(moment: now, high: high, end: live, highByRank: highByRank))
    high = live
    highByRank = liveByRank
  }

  mutating func finish() -> [Tide] {
    while tides.count < clock.count {
      closeMoment()
      now = Moment(now.ordinal + 1)
    }
    return tides
  }
}
