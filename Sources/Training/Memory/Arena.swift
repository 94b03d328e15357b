public import Bookkeeping
import Kernels
public import Modeling

/// Why the arena could not hand out memory.
public enum ArenaError: Error, Hashable, CustomStringConvertible {
  case outOfMemory(name: String, bytes: Bytes, live: Bytes)
  case overLimit(name: String, bytes: Bytes, live: Bytes, limit: Bytes)

  public var description: String {
    switch self {
    case .outOfMemory(let name, let bytes, let live):
      "the system has no \(bytes) left for \(name), beside the \(live) in use: lower --batch or --seq"
    case .overLimit(let name, let bytes, let live, let limit):
      "\(name) needs \(bytes) beside the \(live) in use, more than the limit of \(limit): lower --batch or --seq"
    }
  }
}

/// Hands out the engine's memory and writes down every buffer that it opens and closes.
///
/// Nothing in the engine owns a number that did not come from here, so the journal is the measurement. One arena serves
/// one training run and is used from one thread at a time.
public final class Arena {
  public let clock: StepClock
  /// The journal of the current step.
  public private(set) var journal: Journal
  /// Where the time of the current step goes.
  public private(set) var profile = StepProfile()
  public private(set) var live = Bytes.zero
  /// The most bytes live at once since the arena was made.
  public private(set) var highWater = Bytes.zero
  private let limit: Bytes?
  private var pool = BlockPool()
  /// What is open, by a handle that survives the turn of a step, with the journal's id for the current one.
  private var open: [Int: Journal.ID] = [:]
  private var nextHandle = 0
  private var instant: StepClock.Instant?
  /// What is done at the end of every instant, before the clock moves on.
  var atEnd: ((StepClock.Instant) -> Void)?

  /// An arena that refuses to go beyond `limit` bytes, if one is given.
  public init(clock: StepClock, limit: Bytes? = nil) {
    self.clock = clock
    self.limit = limit
    journal = Journal(clock: clock.clock)
  }

  /// The most bytes that the live tensors' blocks occupied at once: ``highWater`` with every block in whole pages.
  public var occupiedHighWater: Bytes { Bytes(pool.occupiedHighWater) }

  /// Moves the step's clock on.
  public func advance(to instant: StepClock.Instant) {
    if let ending = self.instant { atEnd?(ending) }
    self.instant = instant
    journal.advance(to: clock[instant])
    profile.enter(instant)
  }

  /// Stops the profile's watch: what happens until the next moment is not the step's.
  public func rest() { profile.enter(nil) }

  /// Starts the profile afresh.
  func resetProfile() { profile = StepProfile() }

  /// Begins the journal of the next step: what is still open is carried over as opened at `load`.
  public func beginStep() {
    var next = Journal(clock: clock.clock)
    for handle in open.keys.sorted() {
      guard let id = open[handle] else { continue }
      let entry = journal.entry(id)
      open[handle] = next.open(entry.name, entry.account, entry.shape, entry.format, bytes: entry.bytes)
    }
    journal = next
  }

  /// Opens a tensor of `shape`; its memory is not cleared.
  public func open<Element: TensorElement>(
    _ name: String, _ account: Account, _ shape: Shape, as element: Element.Type = Element.self,
    format: ScalarFormat = Element.format
  ) throws(ArenaError) -> Tensor<Element> {
    let bytes = format.storage(of: shape.count)
    try require(bytes, name)
    guard let block = pool.take(bytes.count) else { throw .outOfMemory(name: name, bytes: bytes, live: live) }
    return Tensor(arena: self, handle: enter(name, account, shape, format, bytes), block: block, shape: shape)
  }

  /// Opens a tensor of `shape` where its numbers lie in a file: its pages are the file's, which the system reads when
  /// they are first used, shares with others that map the file, and may take back and read again.
  ///
  /// On the books it is a tensor as any other, since a step reads all of it.
  func map<Element: TensorElement>(
    _ name: String, _ account: Account, _ shape: Shape, _ numbers: MappedNumbers,
    as element: Element.Type = Element.self
  ) throws(ArenaError) -> Tensor<Element> {
    let bytes = Element.format.storage(of: shape.count)
    precondition(numbers.bytes.count == bytes.count, "\(name) is \(bytes), and \(numbers.bytes.count) of a file")
    try require(bytes, name)
    let handle = enter(name, account, shape, Element.format, bytes)
    return Tensor(arena: self, handle: handle, numbers: numbers, shape: shape)
  }

  private func require(_ bytes: Bytes, _ name: String) throws(ArenaError) {
    if let limit, live + bytes > limit {
      throw .overLimit(name: name, bytes: bytes, live: live, limit: limit)
    }
  }

  /// Writes a tensor into the books, and returns its handle.
  private func enter(_ name: String, _ account: Account, _ shape: Shape, _ format: ScalarFormat, _ bytes: Bytes) -> Int
  {
    live += bytes
    highWater = max(highWater, live)
    let handle = nextHandle
    nextHandle += 1
    open[handle] = journal.open(name, account, shape, format, bytes: bytes)
    return handle
  }

  func close(_ handle: Int, _ block: BlockPool.Block?) {
    guard let id = open.removeValue(forKey: handle) else { preconditionFailure("a tensor was closed twice") }
    live -= journal.bytes(of: id)
    journal.close(id)
    if let block { pool.give(block) }
  }
}
