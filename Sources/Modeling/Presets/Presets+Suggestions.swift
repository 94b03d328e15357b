extension Presets {
  /// The presets whose names are closest to one that is unknown; none where nothing is close.
  static func suggestions(for name: String, atMost count: Int = 3) -> [String] {
    let wanted = Array(name.lowercased().utf8.prefix(80))
    if isSize(name) { return nearestSizes(to: name, atMost: count) }
    let scored = all.map { preset in
      let names = [preset.name, preset.huggingFaceID] + preset.aliases
      return (preset.name, names.map { distance(wanted, Array($0.lowercased().utf8)) }.min() ?? .max)
    }
    // A third of the letters may be wrong: beyond that a suggestion reads like a guess.
    return scored.filter { $0.1 <= max(2, wanted.count / 3) }.sorted { $0.1 < $1.1 }.prefix(count).map(\.0)
  }

  private static func nearestSizes(to text: String, atMost count: Int) -> [String] {
    func parameters(_ size: String) -> Double {
      (Double(size.dropLast()) ?? 0) * (size.last == "b" ? 1e9 : 1e6)
    }
    let wanted = parameters(text.lowercased())
    return sizes.keys.sorted { left, right in
      let (first, second) = ((parameters(left) - wanted).magnitude, (parameters(right) - wanted).magnitude)
      return first == second ? left < right : first < second
    }
    .prefix(count).map { $0 }
  }

  /// Insertions, deletions and replacements that turn one text into the other
  /// (Wagner and Fischer 1974, <https://doi.org/10.1145/321796.321811>).
  static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var row = Array(0...right.count)
    for (index, byte) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in right.indices {
        let replaced = diagonal + (byte == right[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(replaced, row[column] + 1, row[column + 1] + 1)
      }
    }
    return row[right.count]
  }
}
