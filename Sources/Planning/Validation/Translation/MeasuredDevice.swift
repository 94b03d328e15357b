/// Finds the card that a source names in its own words: `2 x RTX 3090 24GB`, `Tesla T4 (14912 MiB)`.
enum MeasuredDevice {
  /// The card, and whether the words leave no choice.
  static func find(_ text: String) -> (device: Device, isCertain: Bool)? {
    // What stands between parentheses is about the host or the driver, unless nothing stands before it.
    let outside = text.split(separator: "(").first.map(String.init) ?? text
    return match(outside) ?? match(text)
  }

  private static func match(_ text: String) -> (device: Device, isCertain: Bool)? {
    let words = Set(pieces(text))
    // A notebook's card of the same name has other memory.
    if words.contains("laptop") || words.contains("mobile") { return nil }
    let size = words.compactMap(gibibytes).first
    let fitting = DeviceCatalog.all.filter { device in
      let parts = names(device)
      return !parts.isEmpty && parts.allSatisfy(words.contains)
    }
    // `RTX 4080` stands in `RTX 4080 Super` too: the name that explains most words wins.
    let most = fitting.map { names($0).count }.max() ?? 0
    let best = fitting.filter { names($0).count == most }
    if let size, let exact = best.first(where: { $0.marketedGibibytes == size }) { return (exact, true) }
    // A size that is no card's own is what its driver reports: `A100 79 GiB`, `T4 15GB`.
    if let size, let near = best.min(by: { abs($0.marketedGibibytes - size) < abs($1.marketedGibibytes - size) }) {
      return (near, abs(near.marketedGibibytes - size) <= 2)
    }
    guard let first = best.max(by: { $0.marketedGibibytes < $1.marketedGibibytes }) else { return nil }
    return (first, best.count == 1)
  }

  /// The words of a card's name without sizes and makers.
  private static func names(_ device: Device) -> [String] {
    pieces(device.name).filter { gibibytes($0) == nil && !isMaker($0) }
  }

  /// `A100-SXM4-80GB` in lowercase words; `80 GB` is one, `2xA6000`, `RTX4090` and `3090Ti` are several.
  private static func pieces(_ text: String) -> [String] {
    var pieces: [String] = []
    for word in FreeText(text).words.flatMap(split) {
      if ["gb", "gib", "g"].contains(word), let last = pieces.last, Int(last) != nil {
        pieces[pieces.count - 1] = last + "gb"
      } else {
        pieces.append(word)
      }
    }
    return pieces
  }

  /// Counts, makers and suffixes that are written together with a card's number.
  private static func split(_ word: String) -> [String] {
    // `2xa6000`, `8xh100`.
    if let cross = word.firstIndex(of: "x"), cross != word.startIndex, word[..<cross].allSatisfy(\.isNumber),
      word.index(after: cross) < word.endIndex
    {
      return split(String(word[word.index(after: cross)...]))
    }
    for maker in ["rtx", "gtx", "tesla", "quadro", "geforce", "nvidia"]
    where word.hasPrefix(maker) && word.count > maker.count {
      return [maker] + split(String(word.dropFirst(maker.count)))
    }
    // `a100sxm4`, `h100pcie`, `h100nvl`.
    for form in ["sxm", "pcie", "nvl"] {
      guard let place = word.firstRange(of: form), place.lowerBound != word.startIndex else { continue }
      return [String(word[..<place.lowerBound]), form == "sxm" ? String(word[place.lowerBound...]) : form]
    }
    if let same = sold[word] { return [same] }
    for suffix in ["super", "ti", "ada"] where word.hasSuffix(suffix) && word.first?.isNumber == true {
      let number = word.dropLast(suffix.count)
      if Int(number) != nil { return [String(number), suffix] }
    }
    return [word]
  }

  /// Cards for export, which differ in their links alone.
  private static let sold = ["a800": "a100", "h800": "h100"]

  private static func gibibytes(_ word: String) -> Int? {
    for unit in ["gib", "gb", "g"] where word.hasSuffix(unit) { return Int(word.dropLast(unit.count)) }
    return nil
  }

  /// Words that a card's name is often written without.
  private static func isMaker(_ word: String) -> Bool {
    ["rtx", "gtx", "tesla", "quadro", "geforce", "nvidia", "amd"].contains(word)
  }
}
