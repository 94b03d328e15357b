/// What became of a data file, line by line and in tokens.
public struct DataReport: Hashable, Sendable {
  /// A line whose example was there before.
  public struct Duplicate: Hashable, Sendable, Codable {
    public let line: Int
    /// The first line with the same text, white space apart.
    public let first: Int

    public init(line: Int, first: Int) {
      self.line = line
      self.first = first
    }
  }

  /// A line that was cut at the maximum length.
  public struct Truncation: Hashable, Sendable, Codable {
    public let line: Int
    /// Tokens cut off.
    public let tokens: Int
    /// Whether every token with a loss was cut off, so that nothing of the example is trained.
    public let leavesNothingToTrain: Bool
  }

  /// Lengths of examples in tokens: quantiles by the nearest rank.
  public struct Lengths: Hashable, Sendable, Codable {
    public let minimum: Int
    public let median: Int
    public let percentile90: Int
    public let maximum: Int
  }

  /// Lines with something in them.
  public internal(set) var lines = 0
  /// Lines with nothing but white space.
  public internal(set) var blankLines = 0
  public internal(set) var examples = 0
  /// Lines left out because they cannot be used, and why.
  public internal(set) var skipped: [LineProblem] = []
  /// Lines that repeat an earlier one; left out or kept, by the options.
  public internal(set) var duplicates: [Duplicate] = []
  public internal(set) var duplicatesDropped = false
  public internal(set) var truncated: [Truncation] = []
  /// Lines without a token that is trained, though nothing was cut off.
  public internal(set) var untrained: [Int] = []
  /// Tokens of all examples.
  public internal(set) var tokens = 0
  /// Tokens on which a loss is taken.
  public internal(set) var trainedTokens = 0
  /// Characters or bytes that no token stands for, and that are missing from the examples.
  public internal(set) var unencodable = 0
  public internal(set) var lengths: Lengths?
  /// Remarks on how the text was made, such as a chat template that was not recognized.
  public internal(set) var notes: [String] = []

  /// Adds what is known of the examples once they are encoded.
  mutating func count(_ encoded: [EncodedExample]) {
    examples = encoded.count
    tokens = encoded.reduce(0) { $0 + $1.tokens.count }
    trainedTokens = encoded.reduce(0) { $0 + $1.trainedTokens }
    unencodable = encoded.reduce(0) { $0 + $1.unencodable }
    for example in encoded {
      let isUntrained = example.trainedTokens == 0
      if example.truncatedTokens > 0 {
        truncated.append(
          Truncation(line: example.line, tokens: example.truncatedTokens, leavesNothingToTrain: isUntrained))
      } else if isUntrained {
        untrained.append(example.line)
      }
    }
    let sorted = encoded.map(\.tokens.count).sorted()
    guard let minimum = sorted.first, let maximum = sorted.last else { return }
    func quantile(_ tenths: Int) -> Int { sorted[(sorted.count * tenths + 9) / 10 - 1] }
    lengths = Lengths(minimum: minimum, median: quantile(5), percentile90: quantile(9), maximum: maximum)
  }
}

extension DataReport: CustomStringConvertible {
  /// A paragraph for people; lists of lines are cut after five.
  public var description: String {
    var sentences = ["\(examples) examples from \(lines) lines, \(tokens) tokens, \(trainedTokens) of them trained"]
    if let lengths {
      sentences.append(
        "lengths \(lengths.minimum) to \(lengths.maximum), median \(lengths.median), 90th percentile "
          + "\(lengths.percentile90)")
    }
    if blankLines > 0 { sentences.append("\(blankLines) blank lines") }
    if !skipped.isEmpty { sentences.append("\(skipped.count) lines skipped: " + Self.list(skipped.map { "\($0)" })) }
    if !duplicates.isEmpty {
      sentences.append(
        "\(duplicates.count) duplicates \(duplicatesDropped ? "left out" : "kept"): "
          + Self.list(duplicates.map { "line \($0.line) repeats line \($0.first)" }))
    }
    if !truncated.isEmpty {
      let cut = truncated.reduce(0) { $0 + $1.tokens }
      sentences.append("\(truncated.count) examples truncated, \(cut) tokens cut off")
      let empty = truncated.filter(\.leavesNothingToTrain).map { "line \($0.line)" }
      if !empty.isEmpty { sentences.append("truncation leaves nothing to train of " + Self.list(empty)) }
    }
    if !untrained.isEmpty { sentences.append("nothing is trained of " + Self.list(untrained.map { "line \($0)" })) }
    if unencodable > 0 { sentences.append("\(unencodable) characters or bytes have no token and are left out") }
    return (sentences + notes).joined(separator: ".\n") + "."
  }

  private static func list(_ items: [String]) -> String {
    items.prefix(5).joined(separator: "; ") + (items.count > 5 ? "; and \(items.count - 5) more" : "")
  }
}

extension DataReport: Encodable {
  private enum CodingKeys: String, CodingKey {
    case lines, blankLines, examples, skipped, duplicates, duplicatesDropped, truncated, untrained, tokens
    case trainedTokens, unencodable, lengths, notes
  }

  private struct Skipped: Encodable {
    let line: Int
    let reason: String
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(lines, forKey: .lines)
    try container.encode(blankLines, forKey: .blankLines)
    try container.encode(examples, forKey: .examples)
    try container.encode(skipped.map { Skipped(line: $0.line, reason: "\($0.reason)") }, forKey: .skipped)
    try container.encode(duplicates, forKey: .duplicates)
    try container.encode(duplicatesDropped, forKey: .duplicatesDropped)
    try container.encode(truncated, forKey: .truncated)
    try container.encode(untrained, forKey: .untrained)
    try container.encode(tokens, forKey: .tokens)
    try container.encode(trainedTokens, forKey: .trainedTokens)
    try container.encode(unencodable, forKey: .unencodable)
    try container.encodeIfPresent(lengths, forKey: .lengths)
    try container.encode(notes, forKey: .notes)
  }
}
