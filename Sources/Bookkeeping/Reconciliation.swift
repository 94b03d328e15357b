/// Two books of the same step joined by name: what agrees, what only one has, what differs.
public struct Reconciliation: Sendable {
  /// One entry as the two books have it.
  public enum Line: Hashable, Sendable {
    case agreed(Entry)
    case plannedOnly(Entry)
    case measuredOnly(Entry)
    case differing(planned: Entry, measured: Entry)
  }

  /// One account in one moment, where the two books disagree.
  public struct TideDifference: Hashable, Sendable {
    public let moment: String
    public let account: Account
    public let planned: Bytes
    public let measured: Bytes

    public var difference: Bytes { measured - planned }
  }

  public let lines: [Line]
  /// Every moment and account in which the highest water differs; empty when the books balance.
  public let tides: [TideDifference]
  public let planned: Peak
  public let measured: Peak
  /// Labels that only one of the clocks has.
  public let strayMoments: [String]

  /// Joins by name; of entries that share a name, the first with the first, in the order of opening.
  public init(planned: Ledger, measured: Ledger) {
    self.planned = planned.peak
    self.measured = measured.peak
    lines = Reconciliation.join(planned.entries, measured.entries)
    let known = Set(measured.clock.labels)
    strayMoments =
      planned.clock.labels.filter { !known.contains($0) }
      + measured.clock.labels.filter { planned.clock[$0] == nil }
    tides = Reconciliation.compareTides(planned, measured)
  }

  public var differences: [Line] {
    lines.filter { if case .agreed = $0 { false } else { true } }
  }

  /// Whether every entry agrees in account, shape, format, bytes and lifetime, every account in every moment, and the
  /// peak to the byte.
  public var isBalanced: Bool {
    differences.isEmpty && tides.isEmpty && strayMoments.isEmpty && planned.bytes == measured.bytes
  }

  private static func join(_ planned: [Entry], _ measured: [Entry]) -> [Line] {
    var waiting = Dictionary(grouping: measured, by: \.name).mapValues { $0[...] }
    var lines: [Line] = planned.map { entry in
      guard let match = waiting[entry.name]?.popFirst() else { return .plannedOnly(entry) }
      return match == entry ? .agreed(entry) : .differing(planned: entry, measured: match)
    }
    // In the order of opening, so that the first stray entry is the one to look at.
    for entry in measured where waiting[entry.name]?.first == entry {
      waiting[entry.name]?.removeFirst()
      lines.append(.measuredOnly(entry))
    }
    return lines
  }

  private static func compareTides(_ planned: Ledger, _ measured: Ledger) -> [TideDifference] {
    var differences: [TideDifference] = []
    for (label, tide) in zip(planned.clock.labels, planned.timeline) {
      guard let moment = measured.clock[label] else { continue }
      let other = measured.timeline[moment.ordinal]
      for account in Account.allCases {
        let left = tide.highByAccount[account] ?? .zero
        let right = other.highByAccount[account] ?? .zero
        if left != right {
          differences.append(TideDifference(moment: label, account: account, planned: left, measured: right))
        }
      }
    }
    return differences
  }
}

extension Reconciliation: CustomStringConvertible {
  /// The verdict, then the first differences: what a failing test should say.
  public var description: String {
    var text =
      isBalanced
      ? "balanced: \(lines.count) entries, peak \(planned.bytes.count) bytes"
      : "not balanced: \(differences.count) of \(lines.count) entries and \(tides.count) tides differ; "
        + "peak planned \(planned.bytes.count), measured \(measured.bytes.count) bytes"
    for line in differences.prefix(12) {
      switch line {
      case .agreed: continue
      case .plannedOnly(let entry): text += "\n  planned only: \(entry.summary)"
      case .measuredOnly(let entry): text += "\n  measured only: \(entry.summary)"
      case .differing(let planned, let measured):
        text += "\n  planned: \(planned.summary)\n     real: \(measured.summary)"
      }
    }
    for tide in tides.prefix(12) {
      text +=
        "\n  \(tide.moment), \(tide.account.title): planned \(tide.planned.count), measured \(tide.measured.count)"
    }
    for label in strayMoments.prefix(6) { text += "\n  only one clock has \(label)" }
    return text
  }
}

extension Entry {
  fileprivate var summary: String {
    let end = closed.map { "\($0.ordinal)" } ?? "end"
    return "\(name) \(account.rawValue) \(shape) \(format.rawValue) \(bytes.count) B, moments \(opened.ordinal)…\(end)"
  }
}
