import Bookkeeping
import Modeling

/// The books of a deep model as they are copied together, without the names of tensors: what is asked of an allocator,
/// and how high the water stands, by account.
///
/// It posts as `Ledger` does; tests hold the two side by side.
struct UnrolledFigures: UnrollingSink {
  private let shallow: [Entry]
  private let bytes: [Int]
  private let ranks: [Int]
  private var books: UnrolledTrace
  /// The shallow opening that each opening is a copy of.
  private var templates: [Int32] = []
  private var residentCount: Int?
  private var live = 0
  private var liveByRank = [Int](repeating: 0, count: Account.allCases.count)
  private(set) var peak = 0
  private var peakByRank = [Int](repeating: 0, count: Account.allCases.count)
  private var now = StepClock.Instant.load
  private(set) var peakInstant = StepClock.Instant.load

  init(_ shallow: [Entry], _ books: UnrolledTrace) {
    self.shallow = shallow
    self.books = books
    bytes = shallow.map(\.bytes.count)
    ranks = shallow.map(\.account.rank)
  }

  var trace: AllocationTrace { books.trace }
  /// Bytes of what is outside the allocator.
  var outside: Bytes { books.outside }

  /// What each account holds at the peak.
  var accounts: [Account: Bytes] {
    Dictionary(
      uniqueKeysWithValues: Account.allCases.compactMap { account in
        peakByRank[account.rank] == 0 ? nil : (account, Bytes(peakByRank[account.rank]))
      })
  }

  /// What is there before the step, as the shallow walk names it.
  var residents: [Entry] { templates.prefix(residentCount ?? templates.count).map { shallow[Int($0)] } }

  mutating func advance(to instant: StepClock.Instant) {
    books.advance(to: instant)
    now = instant
    if residentCount == nil, instant != .load { residentCount = templates.count }
  }

  mutating func open(_ template: Int, layer: Int?) {
    books.open(template, layer: layer)
    templates.append(Int32(template))
    live += bytes[template]
    liveByRank[ranks[template]] += bytes[template]
    guard live > peak else { return }
    peak = live
    peakInstant = now
    for rank in liveByRank.indices { peakByRank[rank] = liveByRank[rank] }
  }

  mutating func close(_ opening: Int) {
    books.close(opening)
    let template = Int(templates[opening])
    live -= bytes[template]
    liveByRank[ranks[template]] -= bytes[template]
  }
}
