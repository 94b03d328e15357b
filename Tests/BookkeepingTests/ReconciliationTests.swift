import Bookkeeping
import Testing

@Suite struct `Reconciling two books` {
  static func reconcile(_ planned: RandomBook, _ measured: RandomBook) -> Reconciliation {
    Reconciliation(planned: planned.ledger, measured: measured.ledger)
  }

  @Test(arguments: UInt64(1)...20)
  func `a book balances with itself`(seed: UInt64) {
    let book = RandomBook(seed: seed)
    let reconciliation = Self.reconcile(book, book)
    #expect(reconciliation.isBalanced, "\(reconciliation)")
    #expect(reconciliation.lines.count == book.buffers.count && reconciliation.differences.isEmpty)
    #expect(reconciliation.description.hasPrefix("balanced"))
  }

  /// One change to one buffer; `nil` where it would change nothing.
  static let mutations: [(String, @Sendable (RandomBook.Buffer, Int) -> RandomBook.Buffer?)] = [
    ("name", { buffer, _ in with(buffer) { $0.name += "x" } }),
    ("account", { buffer, _ in with(buffer) { $0.account = $0.account == .weights ? .runtime : .weights } }),
    ("shape", { buffer, _ in with(buffer) { $0.shape = [1000] } }),
    ("format", { buffer, _ in with(buffer) { $0.format = .bf16 } }),
    ("bytes", { buffer, _ in with(buffer) { $0.bytes += 1 } }),
    ("opened", { buffer, _ in buffer.opened > 0 ? with(buffer) { $0.opened -= 1 } : nil }),
    (
      "closed",
      { buffer, last in
        buffer.closed.flatMap { $0 < last ? $0 + 1 : nil }.map { later in with(buffer) { $0.closed = later } }
      }
    ),
    ("open at the end", { buffer, _ in buffer.closed == nil ? nil : with(buffer) { $0.closed = nil } }),
  ]

  static func with(_ buffer: RandomBook.Buffer, _ change: (inout RandomBook.Buffer) -> Void) -> RandomBook.Buffer {
    var copy = buffer
    change(&copy)
    return copy
  }

  @Test(arguments: mutations.indices)
  func `any single change of an entry unbalances the books`(mutation: Int) {
    let (name, mutate) = Self.mutations[mutation]
    let book = RandomBook(seed: 3)
    var tried = 0
    for index in book.buffers.indices {
      guard let changed = mutate(book.buffers[index], book.moments - 1) else { continue }
      var other = book
      other.buffers[index] = changed
      tried += 1
      for reconciliation in [Self.reconcile(book, other), Self.reconcile(other, book)] {
        #expect(!reconciliation.isBalanced, "\(name) of buffer \(index)")
        #expect(!reconciliation.differences.isEmpty, "\(name) of buffer \(index)")
        #expect(reconciliation.description.hasPrefix("not balanced"))
      }
    }
    #expect(tried > 5, "\(name) was changed only \(tried) times")
  }

  @Test func `an entry more or less is a line of its own`() {
    let book = RandomBook(seed: 4, count: 5)
    var other = book
    let removed = other.buffers.removeLast()
    let less = Self.reconcile(book, other)
    let more = Self.reconcile(other, book)
    guard case .plannedOnly(let missing)? = less.differences.first,
      case .measuredOnly(let stray)? = more.differences.first
    else {
      Issue.record("\(less) \(more)")
      return
    }
    #expect(missing.name == removed.name && stray == missing)
    #expect(less.differences.count == 1 && more.differences.count == 1)
    #expect(less.lines.count == 5 && more.lines.count == 5)
  }

  @Test func `entries that share a name are joined in the order of opening`() {
    func ledger(_ sizes: [Int]) -> Ledger {
      var journal = Journal(clock: Clock(labels: ["a", "b"]))
      for size in sizes { _ = journal.open("same", .activations, [size], .int8) }
      return Ledger(posting: journal)
    }
    #expect(Reconciliation(planned: ledger([1, 2]), measured: ledger([1, 2])).isBalanced)
    let swapped = Reconciliation(planned: ledger([1, 2]), measured: ledger([2, 1]))
    #expect(swapped.differences.count == 2)
    let short = Reconciliation(planned: ledger([1]), measured: ledger([1, 2, 1]))
    #expect(short.lines.count == 3 && short.differences.count == 2)
  }

  @Test func `a tide that differs is named with moment, account and bytes`() throws {
    func ledger(_ bytes: Int) -> Ledger {
      var journal = Journal(clock: Clock(labels: ["load", "forward"]))
      journal.advance(to: Moment(1))
      _ = journal.open("x", .logits, [1], .int8, bytes: Bytes(bytes))
      return Ledger(posting: journal)
    }
    let reconciliation = Reconciliation(planned: ledger(10), measured: ledger(14))
    let tide = try #require(reconciliation.tides.first)
    #expect(reconciliation.tides.count == 1 && tide.moment == "forward" && tide.account == .logits)
    #expect(tide.planned == Bytes(10) && tide.measured == Bytes(14) && tide.difference == Bytes(4))
    #expect(reconciliation.description.contains("forward, logits: planned 10, measured 14"))
  }

  @Test func `clocks that differ are not balanced`() {
    func ledger(_ labels: [String]) -> Ledger { Ledger(posting: Journal(clock: Clock(labels: labels))) }
    let reconciliation = Reconciliation(planned: ledger(["a", "b"]), measured: ledger(["a", "c"]))
    #expect(reconciliation.strayMoments == ["b", "c"] && !reconciliation.isBalanced)
  }
}
