/// Batches without end, epoch after epoch, the same for the same examples, options and state on every machine.
public struct BatchSource: Sendable {
  /// Where a source is: enough to go on from there with the same examples and options.
  public struct State: Hashable, Sendable, Codable {
    /// Passes over the data that are over.
    public var epoch: Int
    /// Batches of this epoch that were given.
    public var position: Int
    public var seed: UInt64
    /// Rows of an epoch, to notice other data.
    public var rows: Int

    public init(epoch: Int, position: Int, seed: UInt64, rows: Int) {
      self.epoch = epoch
      self.position = position
      self.seed = seed
      self.rows = rows
    }
  }

  private let rows: [Row]
  private let options: BatchOptions
  private let padding: Int32
  private var order: [Int]
  public private(set) var state: State

  /// Makes a source over `examples`.
  ///
  /// - Parameter padding: the token that fills rows; its labels are -100, so any token will do.
  /// - Throws: ``DataError`` where a setting cannot be or an example is longer than a row of fixed length.
  public init(_ examples: [EncodedExample], options: BatchOptions, padding: Int32 = 0) throws(DataError) {
    if examples.isEmpty { throw .noExamples(lines: 0, skipped: 0) }
    guard (1...1 << 20).contains(options.rows) else {
      throw .badSetting("the number of rows in a batch", value: options.rows, expected: "between 1 and \(1 << 20)")
    }
    switch options.rowLength {
    case .fixed(let length):
      guard (2...1 << 24).contains(length) else {
        throw .badSetting("the row length", value: length, expected: "between 2 and \(1 << 24)")
      }
      for example in examples where example.tokens.count > length {
        throw .longerThanRow(line: example.line, tokens: example.tokens.count, row: length)
      }
      rows = try Row.rows(of: examples, packing: options.packing, room: length)
    case .longest(let multiple):
      guard (1...1 << 24).contains(multiple) else {
        throw .badSetting("the multiple of the row length", value: multiple, expected: "between 1 and \(1 << 24)")
      }
      if options.packing != nil {
        throw .badSetting("the row length for packing", value: multiple, expected: "a fixed one")
      }
      rows = try Row.rows(of: examples, packing: nil, room: .max)
    }
    self.options = options
    self.padding = padding
    state = State(epoch: 0, position: 0, seed: options.seed, rows: rows.count)
    order = []
    order = epochOrder()
  }

  /// Goes on from where another source over the same examples, with the same options, was.
  public mutating func resume(from state: State) throws(DataError) {
    guard state.rows == rows.count else {
      throw .badSetting("the number of rows of the saved state", value: state.rows, expected: "\(rows.count)")
    }
    guard state.epoch >= 0 else { throw .badSetting("the saved epoch", value: state.epoch, expected: "0 or more") }
    guard (0...batchesPerEpoch).contains(state.position) else {
      throw .badSetting("the saved position", value: state.position, expected: "between 0 and \(batchesPerEpoch)")
    }
    self.state = state
    order = epochOrder()
  }

  /// Batches in a pass over the data.
  public var batchesPerEpoch: Int { (rows.count + options.rows - 1) / options.rows }

  /// The share of padding among the tokens of a whole epoch in this order, from 0 to 1.
  public var paddingShare: Double {
    var real = 0
    var all = 0
    for position in 0..<batchesPerEpoch {
      let members = members(of: position)
      real += members.reduce(0) { $0 + rows[$1].tokens.count }
      all += rowCount(of: members) * length(of: members)
    }
    return 1 - Double(real) / Double(all)
  }

  /// The next batch; after the last of an epoch the first of the next.
  public mutating func next() -> Batch {
    if state.position == batchesPerEpoch {
      state.epoch += 1
      state.position = 0
      order = epochOrder()
    }
    let members = members(of: state.position)
    state.position += 1
    return Batch(members.map { rows[$0] }, count: rowCount(of: members), length: length(of: members), padding: padding)
  }

  private func epochOrder() -> [Int] {
    guard options.shuffles else { return Array(rows.indices) }
    let stream = UInt64(truncatingIfNeeded: state.epoch) &+ 2
    return SeededGenerator.permutation(of: rows.count, seed: SeededGenerator.seed(state.seed, stream: stream))
  }

  private func members(of position: Int) -> ArraySlice<Int> {
    order[position * options.rows..<min((position + 1) * options.rows, order.count)]
  }

  private func rowCount(of members: ArraySlice<Int>) -> Int {
    options.lastBatch == .fill ? options.rows : members.count
  }

  private func length(of members: ArraySlice<Int>) -> Int {
    switch options.rowLength {
    case .fixed(let length): return length
    case .longest(let multiple):
      // A row of one token has nothing to predict, and no engine a row of none.
      let longest = max(members.map { rows[$0].tokens.count }.max() ?? 0, 2)
      return (longest + multiple - 1) / multiple * multiple
    }
  }
}
