/// The lengths of a data set's samples in tokens, as they are before anything is cut.
public struct SampleLengths: Hashable, Sendable {
  /// How tokens were counted.
  public enum Basis: Hashable, Sendable {
    /// By the tokenizer that was read from this path.
    case tokenizer(String)
    /// From bytes of text, by a ratio.
    case bytes(BytesPerToken)
  }

  /// In the order of the file.
  public let lengths: [Int]
  public let basis: Basis
  /// Lines that were left out, and remarks of the reader.
  public let notes: [String]

  public init(lengths: [Int], basis: Basis, notes: [String] = []) {
    self.lengths = lengths
    self.basis = basis
    self.notes = notes
  }

  public var count: Int { lengths.count }
  public var total: Int { lengths.reduce(0, +) }

  /// The lengths with what is beyond `sequence` cut off.
  public func cut(at sequence: Int) -> [Int] { lengths.map { min($0, sequence) } }

  /// Tokens that cutting leaves out, of all.
  public func cutShare(at sequence: Int) -> Double {
    total == 0 ? 0 : 1 - Double(cut(at: sequence).reduce(0, +)) / Double(total)
  }

  /// Samples that are longer.
  public func beyond(_ sequence: Int) -> Int { lengths.count { $0 > sequence } }
}

extension SampleLengths {
  /// Quantiles by the nearest rank.
  public struct Summary: Hashable, Sendable {
    public let minimum, median, percentile90, percentile99, maximum: Int
    public let mean: Double
  }

  /// `nil` of no samples.
  public var summary: Summary? {
    let sorted = lengths.sorted()
    guard let minimum = sorted.first, let maximum = sorted.last else { return nil }
    func quantile(_ hundredths: Int) -> Int { sorted[(sorted.count * hundredths + 99) / 100 - 1] }
    return Summary(
      minimum: minimum, median: quantile(50), percentile90: quantile(90), percentile99: quantile(99),
      maximum: maximum, mean: Double(total) / Double(sorted.count))
  }

  /// Samples whose lengths lie between two powers of two.
  public struct Bin: Hashable, Sendable {
    /// The shortest and the longest that belong here.
    public let lengths: ClosedRange<Int>
    public let count: Int
  }

  /// From the bin of the shortest sample to that of the longest, empty ones between them included.
  public var histogram: [Bin] {
    guard let summary else { return [] }
    var counts: [Int: Int] = [:]
    for length in lengths { counts[SampleLengths.power(of: length), default: 0] += 1 }
    return (SampleLengths.power(of: summary.minimum)...SampleLengths.power(of: summary.maximum)).map { power in
      Bin(lengths: (power == 0 ? 1 : (1 << (power - 1)) + 1)...(1 << power), count: counts[power] ?? 0)
    }
  }

  /// The least power of two that is not below a length: 5 to 8 are three.
  private static func power(of length: Int) -> Int {
    length <= 1 ? 0 : Int.bitWidth - (length - 1).leadingZeroBitCount
  }
}

/// Bytes of UTF-8 that a token stands for, where no tokenizer is at hand.
///
/// On English web text Llama 2's 32,000 tokens take 3.17 characters each and Llama 3's 128,256 take 3.94 (Grattafiori
/// et al. 2024, "The Llama 3 herd of models", section 3.2, <https://arxiv.org/abs/2407.21783>). English is nearly all
/// ASCII, a byte a character. Vocabularies on either side of twice the smaller are taken for the one or the other, and
/// the interval runs between the two; code and other languages take more tokens than either says.
public struct BytesPerToken: Hashable, Sendable {
  public let low: Double
  public let expected: Double
  public let high: Double

  public static let small = 3.17
  public static let large = 3.94

  public init(vocabularySize: Int) {
    low = BytesPerToken.small
    high = BytesPerToken.large
    expected = vocabularySize <= 64_000 ? BytesPerToken.small : BytesPerToken.large
  }

  /// Tokens of so many bytes, at least one.
  public func tokens(ofBytes bytes: Int) -> Int { max(1, Int((Double(bytes) / expected).rounded())) }

  /// What a number of tokens that was estimated may be.
  public func range(of tokens: Double) -> (low: Double, high: Double) {
    (tokens * expected / high, tokens * expected / low)
  }
}
