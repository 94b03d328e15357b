import Bookkeeping

/// What a step asks of an allocator and gives back, in order, without names.
///
/// What is there before the step (the journal's first moment) comes first; how it got there is in ``residents``.
struct AllocationTrace {
  /// Bytes of every request, by its number.
  private(set) var sizes: [Int] = []
  /// The number of a request that is made; of one that is given back, its complement.
  private(set) var operations: [Int32] = []
  /// How many operations are load: made once, not with every step.
  private(set) var loadCount: Int?
  /// What is there before the step, in the order in which it was opened.
  private(set) var residents: [Resident] = []
  /// The operations before which the backward pass of each micro-batch begins.
  private(set) var backwardStarts: [Int] = []
  /// The operation before which the optimizer's step begins.
  private(set) var optimizerStart: Int?

  /// Something that is there before the step.
  struct Resident {
    let bytes: Int
    let role: ResidentRole
  }

  mutating func reserveCapacity(operations count: Int, requests: Int) {
    operations.reserveCapacity(count)
    sizes.reserveCapacity(requests)
  }

  /// Takes a number for a request; one that `isExcluded` goes to another allocator.
  ///
  /// - Parameter role: how it got there; of what is opened in the step itself, nothing.
  mutating func request(_ bytes: Int, isExcluded: Bool, role: ResidentRole) {
    if !isExcluded {
      operations.append(Int32(sizes.count))
      if loadCount == nil { residents.append(Resident(bytes: bytes, role: role)) }
    }
    sizes.append(isExcluded ? -1 : bytes)
  }

  /// The same requests in sizes between those of three traces that run alike, each counted with its share.
  static func mix(_ traces: (AllocationTrace, AllocationTrace, AllocationTrace), shares: [Double]) -> AllocationTrace {
    func mix(_ a: Int, _ b: Int, _ c: Int) -> Int {
      guard a != b || b != c else { return a }
      return max(1, Int((Double(a) * shares[0] + Double(b) * shares[1] + Double(c) * shares[2]).rounded()))
    }
    var mixed = traces.0
    for index in mixed.sizes.indices {
      mixed.sizes[index] = mix(traces.0.sizes[index], traces.1.sizes[index], traces.2.sizes[index])
    }
    for (index, resident) in traces.0.residents.enumerated() {
      mixed.residents[index] = Resident(
        bytes: mix(resident.bytes, traces.1.residents[index].bytes, traces.2.residents[index].bytes),
        role: resident.role)
    }
    return mixed
  }

  mutating func giveBack(_ request: Int) {
    if sizes[request] >= 0 { operations.append(~Int32(request)) }
  }

  /// Ends the load, the first time.
  mutating func endLoad() {
    if loadCount == nil { loadCount = operations.count }
  }

  mutating func startBackward() { backwardStarts.append(operations.count) }

  mutating func startOptimizer() {
    if optimizerStart == nil { optimizerStart = operations.count }
  }

  /// The step's own operations.
  var step: Range<Int> { (loadCount ?? operations.count)..<operations.count }
}

extension AllocationTrace {
  /// The trace of a journal, whose load is what is written in its first moment.
  ///
  /// - Parameters:
  ///   - excluded: openings that go to another allocator.
  ///   - rules: how residents are loaded.
  init(_ journal: Journal, excluded: Set<Journal.ID>, rules: LoadRules = .plain) {
    reserveCapacity(operations: journal.events.count, requests: journal.entries.count)
    for event in journal.events.dropFirst() {
      switch event {
      case .advance(let moment):
        endLoad()
        let label = journal.clock.label(of: moment)
        if label.hasSuffix("backward.loss") { startBackward() }
        if label == "optimizer" { startOptimizer() }
      case .open(let id):
        let entry = journal.entries[id.index]
        request(
          entry.bytes.count, isExcluded: !excluded.isEmpty && excluded.contains(id),
          role: loadCount == nil ? rules.role(of: entry) : .plain)
      case .close(let id): giveBack(id.index)
      }
    }
  }
}
