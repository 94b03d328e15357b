public import Bookkeeping

/// The peak, so that a doubter can redo it by hand: every entry with its formula, why it is there, and where that was
/// read.
///
/// Entries that differ in nothing but their layer are one line. The lines add up to the peak, in all and by account.
public struct PeakExplanation: Sendable {
  /// A letter of the legend.
  public struct Symbol: Hashable, Sendable {
    public let letter: String
    public let meaning: String
    public let value: Int
  }

  /// Entries that are alike.
  public struct Line: Sendable {
    /// The name, with a star for the number of a layer.
    public let name: String
    public let account: Account
    public let count: Int
    /// The layers that they are in, in order; empty for what is in none.
    public let layers: [Int]
    /// The shape in letters and numbers: `[b=1, s=1024, I=11008]`.
    public let shape: String
    public let elements: Int
    public let format: ScalarFormat
    /// Of one of them.
    public let bytes: Bytes
    public let reason: String
    /// Where the reason was read; empty where nothing explains the name.
    public let source: String

    public var total: Bytes { count * bytes }
    /// Whether a rule of the tables explains it.
    public var isExplained: Bool { !source.isEmpty }
  }

  /// One step from the peak's bytes to what a device shows.
  public struct Step: Hashable, Sendable {
    /// What the sum is called from here on.
    public let name: String
    /// What is added, or less where it is negative.
    public let added: Bytes
    public let sum: Bytes
    public let cause: String
  }

  public let moment: String
  public let legend: [Symbol]
  /// The largest first.
  public let lines: [Line]
  public let steps: [Step]

  /// The peak's bytes: what all lines add up to.
  public var total: Bytes { lines.reduce(.zero) { $0 + $1.total } }

  /// What the lines of every account add up to, the largest account first.
  public var accounts: [(account: Account, bytes: Bytes)] {
    let sums = lines.reduce(into: [Account: Bytes]()) { $0[$1.account, default: .zero] += $1.total }
    return sums.map { (account: $0.key, bytes: $0.value) }
      .sorted { ($1.bytes, $0.account) < ($0.bytes, $1.account) }
  }
}
