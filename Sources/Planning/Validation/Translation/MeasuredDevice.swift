/// Finds the card that a source names in its own words: `2 x RTX 3090 24GB`, `Tesla T4 (14912 MiB)`.
enum MeasuredDevice {
  /// The card, and whether the words leave no choice.
  static func find(_ text: String) -> (device: Device, isCertain: Bool)? {
    // What stands between parentheses is about the host or the driver.
    let bare = text.split(separator: "(").first.map(String.init) ?? text
    let words = Set(pieces(bare))
    let size = words.compactMap(gibibytes).first
    let fitting = DeviceCatalog.all.filter { device in
      pieces(device.name).filter { gibibytes($0) == nil && !isMaker($0) }.allSatisfy(words.contains)
    }
    // `RTX 4080` stands in `RTX 4080 Super` too: the name that explains most words wins.
    let most = fitting.map { specificity($0) }.max() ?? 0
    let best = fitting.filter { specificity($0) == most }
    if let size, let exact = best.first(where: { $0.marketedGibibytes == size }) { return (exact, true) }
    guard let first = best.max(by: { $0.marketedGibibytes < $1.marketedGibibytes }) else { return nil }
    return (first, best.count == 1 && (size == nil || size == first.marketedGibibytes))
  }

  private static func specificity(_ device: Device) -> Int {
    pieces(device.name).count { gibibytes($0) == nil && !isMaker($0) }
  }

  /// `A100-SXM4-80GB` in lowercase words; `80 GB` is one.
  private static func pieces(_ text: String) -> [String] {
    var pieces: [String] = []
    for word in FreeText(text).words {
      if word == "gb" || word == "gib", let last = pieces.last, Int(last) != nil {
        pieces[pieces.count - 1] = last + "gb"
      } else {
        pieces.append(word)
      }
    }
    return pieces
  }

  private static func gibibytes(_ word: String) -> Int? {
    for unit in ["gib", "gb", "g"] where word.hasSuffix(unit) { return Int(word.dropLast(unit.count)) }
    return nil
  }

  /// Words that a card's name is often written without.
  private static func isMaker(_ word: String) -> Bool { ["rtx", "gtx", "tesla", "quadro", "pcie"].contains(word) }
}
