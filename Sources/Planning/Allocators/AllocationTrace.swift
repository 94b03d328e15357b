import Bookkeeping

/// What a step asks of an allocator and gives back, in order, without names.
struct AllocationTrace {
  /// Bytes of every request, by its number.
  private(set) var sizes: [Int] = []
  /// The number of a request that is made; of one that is given back, its complement.
  private(set) var operations: [Int32] = []
  /// How many operations are load: made once, not with every step.
  private(set) var loadCount: Int?

  mutating func reserveCapacity(operations count: Int, requests: Int) {
    operations.reserveCapacity(count)
    sizes.reserveCapacity(requests)
  }

  /// Takes a number for a request; one that `isExcluded` goes to another allocator.
  mutating func request(_ bytes: Int, isExcluded: Bool) {
    if !isExcluded { operations.append(Int32(sizes.count)) }
    sizes.append(isExcluded ? -1 : bytes)
  }

  mutating func giveBack(_ request: Int) {
    if sizes[request] >= 0 { operations.append(~Int32(request)) }
  }

  /// Ends the load, the first time.
  mutating func endLoad() {
    if loadCount == nil { loadCount = operations.count }
  }
}

extension AllocationTrace {
  /// The trace of a journal, whose load is what is written in its first moment.
  init(_ journal: Journal, excluded: Set<Journal.ID>) {
    reserveCapacity(operations: journal.events.count, requests: journal.entries.count)
    for event in journal.events.dropFirst() {
      switch event {
      case .advance: endLoad()
      case .open(let id):
        request(journal.entries[id.index].bytes.count, isExcluded: !excluded.isEmpty && excluded.contains(id))
      case .close(let id): giveBack(id.index)
      }
    }
  }
}
