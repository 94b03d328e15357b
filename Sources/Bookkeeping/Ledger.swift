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
    entries = journal.openings.map(Entry.init)
    var posting = Posting(clock: journal.clock)
    for event in journal.events { posting.post(event, of: journal) }
    timeline = posting.finish()
    peak = Peak(
      moment: posting.peakMoment, bytes: posting.peakBytes,
      entries: posting.peakIDs.sorted().map { Entry(journal.openings[$0]) })
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
  public let highByAccount: [Account: Bytes]
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

/// Replays a journal once, keeping the running totals.
private struct Posting {
  private let clock: Clock
  private var live = Bytes.zero
  private var liveByAccount: [Account: Bytes] = [:]
  private var liveIDs: Set<Int> = []
  private var high = Bytes.zero
  private var highByAccount: [Account: Bytes] = [:]
  private var now = Moment(0)
  private var tides: [Tide] = []
  /// A new crest is only noted; its members are collected when the water first falls below it.
  private var atCrest = false
  private(set) var peakBytes = Bytes.zero
  private(set) var peakMoment = Moment(0)
  private(set) var peakIDs: Set<Int> = []

  init(clock: Clock) { self.clock = clock }

  mutating func post(_ event: Journal.Event, of journal: Journal) {
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
      let opening = journal.openings[id.index]
      live += opening.bytes
      liveIDs.insert(id.index)
      liveByAccount[opening.account, default: .zero] += opening.bytes
      high = max(high, live)
      highByAccount[opening.account] = max(
        highByAccount[opening.account] ?? .zero, liveByAccount[opening.account] ?? .zero)
      if live > peakBytes {
        peakBytes = live
        peakMoment = now
        atCrest = true
      }
    case .close(let id):
      noteCrest()
      let opening = journal.openings[id.index]
      live -= opening.bytes
      liveIDs.remove(id.index)
      liveByAccount[opening.account, default: .zero] -= opening.bytes
    }
  }

  private mutating func noteCrest() {
    guard atCrest, live == peakBytes else { return }
    peakIDs = liveIDs
    atCrest = false
  }

  private mutating func closeMoment() {
    tides.append(
      Tide(moment: now, high: high, end: live, highByAccount: highByAccount.filter { $0.value != .zero }))
    high = live
    highByAccount = liveByAccount.filter { $0.value != .zero }
  }

  mutating func finish() -> [Tide] {
    noteCrest()
    while tides.count < clock.count {
      closeMoment()
      now = Moment(now.ordinal + 1)
    }
    return tides
  }
}
