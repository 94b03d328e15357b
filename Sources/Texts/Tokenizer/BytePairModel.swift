/// Byte pair encoding: a piece of text becomes tokens by merging neighbors, the merge of lowest rank first.
///
/// - SeeAlso: Sennrich et al. (2016), <https://arxiv.org/abs/1508.07909>, algorithm 1. What is done with a scalar that
///   the vocabulary lacks follows `tokenizers`, `models/bpe/model.rs`, function `merge_word`.
struct BytePairModel: Sendable {
  /// What one piece of text became.
  struct Encoded: Sendable {
    var ids: [Int32] = []
    /// Scalars that no token stands for and that left no trace.
    var droppedScalars = 0
  }

  /// What is done beyond merging.
  struct Options: Sendable {
    var unknownToken: String?
    /// Neighboring unknown scalars become one unknown token.
    var fusesUnknown = false
    /// A scalar outside the vocabulary becomes the tokens `<0xNN>` of its bytes.
    var fallsBackToBytes = false
    /// A piece that is in the vocabulary as a whole is that token, whatever the merges say.
    var ignoresMerges = false
  }

  /// Id to token; ids that no token has are nil.
  let tokens: [String?]
  private let vocabulary: [ExactText: Int32]
  private let merges: MergeTable
  private let options: Options
  private let unknownID: Int32?
  /// The `<0xNN>` tokens; nil unless all 256 are there.
  private let byteIDs: [Int32]?
  /// Tokens of one scalar: a table for the first 1024 scalars, a dictionary for the others; -1 where there is none.
  private let lowScalarIDs: [Int32]
  private let highScalarIDs: [Unicode.Scalar: Int32]

  /// Makes a model of a vocabulary and its merges in order of rank.
  init(
    vocabulary entries: [(token: String, id: Int)], merges pairs: [(String, String)], options: Options
  ) throws(TokenizerError) {
    var vocabulary: [ExactText: Int32] = [:]
    vocabulary.reserveCapacity(entries.count)
    var largest = -1
    for (token, id) in entries {
      // Ids index a table: one far beyond the count would be a file asking for memory, not a vocabulary.
      guard id >= 0, id < entries.count + 1 << 20 else { throw .badID(id, of: "\"\(token)\"") }
      guard vocabulary.updateValue(Int32(id), forKey: ExactText(token)) == nil else {
        throw .repeated(token: token, id: id)
      }
      largest = max(largest, id)
    }
    var tokens = [String?](repeating: nil, count: largest + 1)
    var low = [Int32](repeating: -1, count: 1024)
    var high: [Unicode.Scalar: Int32] = [:]
    for (token, id) in entries {
      if tokens[id] != nil { throw .repeated(token: token, id: id) }
      tokens[id] = token
      let scalars = token.unicodeScalars
      guard let scalar = scalars.first, scalars.index(after: scalars.startIndex) == scalars.endIndex else { continue }
      if scalar.value < 1024 { low[Int(scalar.value)] = Int32(id) } else { high[scalar] = Int32(id) }
    }
    var table = MergeTable(capacity: pairs.count)
    for (index, pair) in pairs.enumerated() {
      guard let left = vocabulary[ExactText(pair.0)] else { throw .mergeOutsideVocabulary(index: index, piece: pair.0) }
      guard let right = vocabulary[ExactText(pair.1)] else {
        throw .mergeOutsideVocabulary(index: index, piece: pair.1)
      }
      guard let made = vocabulary[ExactText(pair.0 + pair.1)] else {
        throw .mergeOutsideVocabulary(index: index, piece: pair.0 + pair.1)
      }
      table.insert(left, right, rank: Int32(index), made: made)
    }
    if let unknown = options.unknownToken {
      guard let id = vocabulary[ExactText(unknown)] else {
        throw .field("model.unk_token", expected: "a token of the vocabulary", found: "\"\(unknown)\"")
      }
      unknownID = id
    } else {
      unknownID = nil
    }
    let byteIDs = (UInt8.min...UInt8.max).compactMap { vocabulary[ExactText(Self.byteToken($0))] }
    self.byteIDs = options.fallsBackToBytes && byteIDs.count == 256 ? byteIDs : nil
    self.vocabulary = vocabulary
    self.tokens = tokens
    self.merges = table
    self.options = options
    self.lowScalarIDs = low
    self.highScalarIDs = high
  }

  /// The token that stands for a byte by itself: `<0x0A>`.
  static func byteToken(_ byte: UInt8) -> String {
    "<0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true) + ">"
  }

  func id(of token: String) -> Int32? { vocabulary[ExactText(token)] }

  /// The tokens of one piece.
  func encode(_ piece: ArraySlice<Unicode.Scalar>) -> Encoded {
    if options.ignoresMerges, let whole = vocabulary[ExactText(piece)] { return Encoded(ids: [whole]) }
    var encoded = initialTokens(of: piece)
    if encoded.ids.count > 1 { encoded.ids = merged(encoded.ids) }
    return encoded
  }

  /// One token for each scalar of `piece`, or for each byte of it, or the unknown token.
  private func initialTokens(of piece: ArraySlice<Unicode.Scalar>) -> Encoded {
    var encoded = Encoded()
    encoded.ids.reserveCapacity(piece.count)
    // An unknown token waits until a known scalar follows, as in tokenizers: byte tokens don't release it.
    var waitingUnknown: Int32?
    for scalar in piece {
      let id = scalar.value < 1024 ? lowScalarIDs[Int(scalar.value)] : highScalarIDs[scalar] ?? -1
      if id >= 0 {
        if let unknown = waitingUnknown { encoded.ids.append(unknown) }
        waitingUnknown = nil
        encoded.ids.append(id)
      } else if let byteIDs {
        for byte in UTF8.encode(scalar) ?? .init() { encoded.ids.append(byteIDs[Int(byte)]) }
      } else if let unknownID {
        if let unknown = waitingUnknown, !options.fusesUnknown { encoded.ids.append(unknown) }
        waitingUnknown = unknownID
      } else {
        encoded.droppedScalars += 1
      }
    }
    if let unknown = waitingUnknown { encoded.ids.append(unknown) }
    return encoded
  }

  /// The tokens after every merge that applies, the lowest rank first, the leftmost of equal ranks first.
  private func merged(_ initial: [Int32]) -> [Int32] {
    var ids = initial
    // A doubly linked list over positions; -1 is an end, and an id of -1 a symbol merged away.
    var previous = (0..<Int32(ids.count)).map { $0 - 1 }
    var next = (0..<Int32(ids.count)).map { $0 + 1 < Int32(ids.count) ? $0 + 1 : -1 }
    var queue = MergeQueue()
    for position in 0..<ids.count - 1 {
      guard let merge = merges[ids[position], ids[position + 1]] else { continue }
      queue.push(.init(rank: merge.rank, position: Int32(position), made: merge.made))
    }
    while let candidate = queue.pop() {
      let left = Int(candidate.position)
      guard ids[left] >= 0, next[left] >= 0 else { continue }
      let right = Int(next[left])
      // The neighbors may have changed since the candidate was queued.
      guard let merge = merges[ids[left], ids[right]], merge.made == candidate.made else { continue }
      ids[left] = merge.made
      ids[right] = -1
      next[left] = next[right]
      if next[left] >= 0 { previous[Int(next[left])] = Int32(left) }
      if previous[left] >= 0, let before = merges[ids[Int(previous[left])], ids[left]] {
        queue.push(.init(rank: before.rank, position: previous[left], made: before.made))
      }
      if next[left] >= 0, let after = merges[ids[left], ids[Int(next[left])]] {
        queue.push(.init(rank: after.rank, position: Int32(left), made: after.made))
      }
    }
    return ids.filter { $0 >= 0 }
  }
}
