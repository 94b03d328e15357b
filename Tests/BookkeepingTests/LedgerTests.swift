import Bookkeeping
import Testing

@Suite struct `The books` {
  static let seeds = Array(UInt64(1)...60)

  @Test(arguments: seeds)
  func `the timeline is what a plain replay finds`(seed: UInt64) {
    let book = RandomBook(seed: seed)
    let ledger = book.ledger
    #expect(ledger.timeline.map(\.moment.ordinal) == Array(0..<book.moments))
    for tide in ledger.timeline {
      let moment = tide.moment.ordinal
      #expect(tide.high.count == book.high(moment), "moment \(moment)")
      #expect(tide.end.count == book.end(moment), "moment \(moment)")
      for account in Account.allCases {
        #expect((tide.highByAccount[account]?.count ?? 0) == book.high(moment, account), "moment \(moment), \(account)")
      }
    }
  }

  @Test(arguments: seeds)
  func `the peak is the first instant of the highest water`(seed: UInt64) {
    let book = RandomBook(seed: seed)
    let peak = book.ledger.peak
    let expected = book.peak
    #expect(peak.bytes.count == expected.bytes && peak.moment.ordinal == expected.moment)
    #expect(Set(peak.entries.map(\.name)) == expected.names)
  }

  @Test(arguments: seeds)
  func `a peak adds up, is no more than everything, and is the highest tide`(seed: UInt64) {
    let ledger = RandomBook(seed: seed).ledger
    let all = ledger.entries.reduce(Bytes.zero) { $0 + $1.bytes }
    #expect(ledger.peak.bytes <= all)
    #expect(ledger.peak.entries.reduce(.zero) { $0 + $1.bytes } == ledger.peak.bytes)
    #expect(ledger.peak.accounts.values.reduce(.zero, +) == ledger.peak.bytes)
    #expect(ledger.timeline.map(\.high).max() == ledger.peak.bytes)
    #expect(ledger.timeline.allSatisfy { $0.end <= $0.high })
  }

  @Test(arguments: seeds)
  func `posting conserves bytes`(seed: UInt64) {
    let book = RandomBook(seed: seed)
    let journal = book.journal
    let ledger = book.ledger
    #expect(ledger.entries.reduce(0) { $0 + $1.bytes.count } == book.buffers.reduce(0) { $0 + $1.bytes })
    let open = ledger.entries.filter { $0.closed == nil }
    #expect(ledger.timeline.last?.end == open.reduce(.zero) { $0 + $1.bytes })
    #expect(journal.stillOpen == open)
  }

  @Test func `moments in which nothing happens keep the water of the last one`() {
    let clock = Clock(labels: ["a", "b", "c", "d"])
    var journal = Journal(clock: clock)
    let first = journal.open("x", .weights, [10], .fp32)
    journal.advance(to: Moment(2))
    journal.close(first)
    let ledger = Ledger(posting: journal)
    #expect(ledger.timeline.map(\.high.count) == [40, 40, 40, 0])
    #expect(ledger.timeline.map(\.end.count) == [40, 40, 0, 0])
    #expect(ledger.timeline[3].highByAccount == [:])
    #expect(journal.bytes(of: first) == Bytes(40) && journal.account(of: first) == .weights)
  }

  @Test func `an empty book has no water`() {
    let ledger = Ledger(posting: Journal(clock: Clock(labels: ["a", "b"])))
    #expect(ledger.peak.bytes == .zero && ledger.peak.entries.isEmpty)
    #expect(ledger.timeline.count == 2)
  }

  @Test func `what replaces a buffer of the same size is not in the peak with it`() {
    var journal = Journal(clock: Clock(labels: ["a"]))
    let first = journal.open("first", .workspace, [8], .int8)
    journal.close(first)
    _ = journal.open("second", .workspace, [8], .int8)
    #expect(Ledger(posting: journal).peak.entries.map(\.name) == ["first"])
  }

  @Test func `a label finds its moment`() {
    let clock = Clock(labels: ["load", "forward", "backward"])
    #expect(clock["backward"] == Moment(2) && clock["recompute"] == nil)
    #expect(clock.label(of: Moment(1)) == "forward" && clock.moments.count == clock.count)
  }

  @Test func `accounts stand in the order of a receipt`() {
    #expect(Account.allCases.sorted() == Account.allCases)
    #expect(Account.weights < .runtime && !(Account.runtime < .weights))
    #expect(Set(Account.allCases.map(\.title)).count == Account.allCases.count)
  }
}
