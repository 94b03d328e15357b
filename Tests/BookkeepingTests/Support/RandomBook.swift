import Bookkeeping

/// A step made up at random: buffers with lifetimes, written into a journal moment by moment.
struct RandomBook {
  /// One buffer, as the test knows it.
  struct Buffer: Equatable {
    var name: String
    var account: Account
    var shape: Shape
    var format: ScalarFormat
    var bytes: Int
    var opened: Int
    var closed: Int?
  }

  let moments: Int
  var buffers: [Buffer]

  init(seed: UInt64, moments: Int = 12, count: Int = 40) {
    var generator = SeededGenerator(seed: seed)
    self.moments = moments
    buffers = (0..<count).map { index in
      let opened = Int.random(in: 0..<moments, using: &generator)
      let outlives = Int.random(in: 0..<4, using: &generator) == 0
      return Buffer(
        name: "buffer.\(index)", account: Account.allCases[Int.random(in: 0..<4, using: &generator)],
        shape: [Int.random(in: 1...9, using: &generator), 4], format: .fp32,
        bytes: Int.random(in: 1...1000, using: &generator), opened: opened,
        closed: outlives ? nil : Int.random(in: opened..<moments, using: &generator))
    }
  }

  var clock: Clock { Clock(labels: (0..<moments).map { "moment.\($0)" }) }

  /// What happens, in order: openings of a moment before its closings.
  private var events: [(moment: Int, buffer: Int, opens: Bool)] {
    (0..<moments).flatMap { moment in
      buffers.indices.filter { buffers[$0].opened == moment }.map { (moment, $0, true) }
        + buffers.indices.filter { buffers[$0].closed == moment }.map { (moment, $0, false) }
    }
  }

  var journal: Journal {
    var journal = Journal(clock: clock)
    var ids: [Int: Journal.ID] = [:]
    for event in events {
      journal.advance(to: Moment(event.moment))
      let buffer = buffers[event.buffer]
      if event.opens {
        ids[event.buffer] = journal.open(
          buffer.name, buffer.account, buffer.shape, buffer.format, bytes: Bytes(buffer.bytes))
      } else if let id = ids[event.buffer] {
        journal.close(id)
      }
    }
    return journal
  }

  var ledger: Ledger { Ledger(posting: journal) }

  // MARK: The same by brute force

  /// What is alive after each event of each moment, and when the moment begins.
  private func instants(of moment: Int) -> [[Int]] {
    let before = events.filter { $0.moment < moment }
    let during = events.filter { $0.moment == moment }
    return (0...during.count).map { taken in
      (before + during.prefix(taken)).reduce(into: []) { alive, event in
        if event.opens { alive.append(event.buffer) } else { alive.removeAll { $0 == event.buffer } }
      }
    }
  }

  private func water(_ alive: [Int], _ account: Account? = nil) -> Int {
    alive.reduce(0) { $0 + (account == nil || buffers[$1].account == account ? buffers[$1].bytes : 0) }
  }

  func high(_ moment: Int, _ account: Account? = nil) -> Int {
    instants(of: moment).map { water($0, account) }.max() ?? 0
  }

  func end(_ moment: Int) -> Int { instants(of: moment).last.map { water($0) } ?? 0 }

  /// The first instant of the highest water.
  var peak: (moment: Int, names: Set<String>, bytes: Int) {
    var best = (moment: 0, names: Set<String>(), bytes: 0)
    for moment in 0..<moments {
      for alive in instants(of: moment) where water(alive) > best.bytes {
        best = (moment, Set(alive.map { buffers[$0].name }), water(alive))
      }
    }
    return best
  }
}
