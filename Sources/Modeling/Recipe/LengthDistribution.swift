/// How many tokens samples have, before the longest of a micro-batch decides what the others are padded to.
///
/// Samples longer than the recipe's sequence are cut there.
public struct LengthDistribution: Hashable, Sendable {
  /// Where the lengths come from.
  public enum Source: Hashable, Sendable {
    /// Every length between the two, each as likely as the others.
    case uniform(ClosedRange<Int>)
    /// The lengths of a data set, sorted.
    case samples([Int])
  }

  public let source: Source

  /// The longest a sample can be: what a step needs is decided by it.
  public var longest: Int {
    switch source {
    case .uniform(let range): range.upperBound
    case .samples(let lengths): lengths.last ?? 1
    }
  }

  /// The shortest a sample can be.
  public var shortest: Int {
    switch source {
    case .uniform(let range): range.lowerBound
    case .samples(let lengths): lengths.first ?? 1
    }
  }

  /// Whether every sample is as long as the others.
  public var isConstant: Bool { shortest == longest }

  /// Lengths of a data set.
  ///
  /// - Throws: ``LengthError`` for an empty list, and for lengths that no sample can have.
  public init(samples: [Int]) throws(LengthError) {
    guard !samples.isEmpty else { throw .empty }
    for (place, length) in samples.enumerated() where !LengthDistribution.allowed.contains(length) {
      throw .badLine(number: place + 1, text: "\(length)")
    }
    source = .samples(samples.sorted())
  }

  /// - Throws: ``LengthError`` for lengths that no sample can have.
  public init(uniform range: ClosedRange<Int>) throws(LengthError) {
    for bound in [range.lowerBound, range.upperBound] where !LengthDistribution.allowed.contains(bound) {
      throw .badRange("\(range.lowerBound)-\(range.upperBound)")
    }
    source = .uniform(range)
  }

  private static let allowed = 1...(1 << 24)

  /// Parses `uniform:200-2048`; `nil` for text that is no such rule, but perhaps the name of a file.
  public init?(rule text: String) throws(LengthError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.first == "uniform", parts.count == 2 else { return nil }
    let bounds = parts[1].split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard bounds.count == 2, let low = bounds[0], let high = bounds[1], low <= high else {
      throw .badRange(String(parts[1]))
    }
    try self.init(uniform: low...high)
  }

  /// Parses a file's lines, one whole number each; empty lines are skipped.
  public init(lines text: String) throws(LengthError) {
    var lengths: [Int] = []
    for (place, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let word = line.filter { !$0.isWhitespace }
      guard !word.isEmpty else { continue }
      guard let length = Int(word), LengthDistribution.allowed.contains(length) else {
        throw .badLine(number: place + 1, text: String(word.prefix(40)))
      }
      lengths.append(length)
    }
    try self.init(samples: lengths)
  }

  /// Reads a file of lengths, one a line.
  public init(contentsOf path: String) throws(LengthError) {
    let bytes: [UInt8]
    do { bytes = try InputFile.contents(of: path, limit: 1 << 30) } catch { throw .file(error) }
    try self.init(lines: String(decoding: bytes, as: UTF8.self))
  }

  /// The length at a place of the sorted distribution, 0 for the shortest and anything below 1 up to the longest.
  public func length(at share: Double) -> Int {
    let share = min(max(0, share), 1)
    switch source {
    case .uniform(let range): return min(range.upperBound, range.lowerBound + Int(share * Double(range.count)))
    case .samples(let lengths): return lengths[min(lengths.count - 1, Int(share * Double(lengths.count)))]
    }
  }

  /// The distribution in a few words.
  public var text: String {
    switch source {
    case .uniform(let range): "uniform:\(range.lowerBound)-\(range.upperBound)"
    case .samples(let lengths): "\(lengths.count) samples of \(shortest) to \(longest) tokens"
    }
  }
}

/// Why lengths cannot be read.
public enum LengthError: Error, Hashable, CustomStringConvertible {
  case empty
  case file(FileError)
  case badLine(number: Int, text: String)
  case badRange(String)

  public var description: String {
    switch self {
    case .empty: "--lengths names no lengths: give one whole number of tokens a line"
    case .file(let error): "--lengths: \(error)"
    case .badLine(let number, let text):
      "--lengths has '\(text)' in line \(number): it must be a whole number of tokens from 1 up"
    case .badRange(let text):
      "--lengths uniform:\(text): it must be two whole numbers of tokens, the smaller first, as in uniform:200-2048"
    }
  }
}
