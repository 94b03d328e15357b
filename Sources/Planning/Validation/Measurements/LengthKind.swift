/// How well the length of a measured batch is known.
public enum LengthKind: String, CaseIterable, Hashable, Sendable {
  /// Every batch has it: random tokens, packed, or padded to it.
  case exact
  /// That of the longest batch of the run.
  case longest
  /// No sample is longer; the longest batch may be shorter.
  case cap
  case mean
  case unstated

  /// Reads a source's words: the first of them that decides does.
  package init(reading text: String?) {
    let words = FreeText(text).words
    for (place, word) in words.enumerated() {
      switch word {
      case "exact", "exactly", "constant", "packed": self = .exact
      case "padded" where words.dropFirst(place + 1).first == "to" && !words.contains("batch"): self = .exact
      case "max", "longest": self = .longest
      case "cap", "capped", "truncated": self = .cap
      case "mean", "average": self = .mean
      case "unstated", "unknown": self = .unstated
      default: continue
      }
      return
    }
    self = .unstated
  }
}
